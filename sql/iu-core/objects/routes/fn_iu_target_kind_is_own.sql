create or replace function public.fn_iu_target_kind_is_own(kind text)
returns boolean
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(kind ~ '^[a-z][a-z0-9_]{0,30}\.[a-z][a-z0-9_]{0,30}$', false)
$$;
comment on function public.fn_iu_target_kind_is_own(text) is
'Whether a kind of target is named as that of a distribution of others: two words of lower-case letters,
digits and _ with a dot between them, such as acme.sqs. No kind of fn_iu_target_kinds has a dot.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_target_kind_is_own(text)', 'internal'
);

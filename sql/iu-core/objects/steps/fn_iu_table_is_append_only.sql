create or replace function public.fn_iu_table_is_append_only(relation regclass)
returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
    select exists (
        select from pg_catalog.pg_trigger as t
        where t.tgrelid = relation and t.tgname = 'trg_iu_append_only'
            and t.tgfoid = 'public.fn_iu_append_only_refuse'::regproc and t.tgenabled in ('O', 'A')
            and t.tgqual is null and t.tgattr::text = ''
            and t.tgtype = 58  -- before update (16), delete (8) and truncate (32), for each statement (2)
    )
$$;
comment on function public.fn_iu_table_is_append_only(regclass) is
'Whether the trigger trg_iu_append_only refuses update, delete and truncate of a table.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_table_is_append_only(regclass)',
    'inspect'
);

create or replace function public.fn_iu_setting_seconds(key text, fallback int)
returns int
language sql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(
        (
            select c.value::int from public.dot_config as c
            where c.key = fn_iu_setting_seconds.key and c.value ~ '^[1-9][0-9]{0,6}$'
        ),
        fallback
    )
$$;
comment on function public.fn_iu_setting_seconds(text, int) is
'A setting in whole seconds; the fallback if its row is missing or is not a positive number.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_setting_seconds(text, int)',
    'internal'
);

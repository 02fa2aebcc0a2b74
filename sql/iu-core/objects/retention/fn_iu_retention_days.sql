create or replace function public.fn_iu_retention_days()
returns int
language sql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select coalesce((
        select c.value::int from public.dot_config as c
        where c.key = 'iu_core.retention_days' and c.value ~ '^[1-9][0-9]{0,4}$'
    ), 0)
$$;
comment on function public.fn_iu_retention_days() is
'Minimum number of days to keep consumed events and their attempts; 0: for ever, also if the setting is
missing or not a number.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_retention_days()', 'internal');

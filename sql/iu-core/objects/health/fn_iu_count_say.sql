create or replace function public.fn_iu_count_say(counted int, cap int)
returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case when counted > cap then format('more than %s', cap) else counted::text end
$$;
comment on function public.fn_iu_count_say(int, int) is
'A count that was stopped at cap + 1, as text.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_count_say(int, int)', 'internal');

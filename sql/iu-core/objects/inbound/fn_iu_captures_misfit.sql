create or replace function public.fn_iu_captures_misfit()
returns text
language sql stable security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
    select string_agg(f.route_code || ' (' || f.misfit || ')', ', ' order by f.route_code)
    from public.fn_iu_capture_functions() as f
$$;
comment on function public.fn_iu_captures_misfit() is
'The captures whose trigger function is missing, was edited, reads a column that the table does not have, has
another owner, or may be attached by PUBLIC, with the difference; null if there is none. A capture whose table
is missing is left out: its function never runs.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_captures_misfit()', 'inspect');

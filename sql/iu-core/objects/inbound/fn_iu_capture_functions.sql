create or replace function public.fn_iu_capture_functions()
returns table (route_code text, function_name text, missing_columns text[], misfit text)
language sql stable security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
    select r.route_code, format('public.fn_iu_capture_%s', r.capture_no),
        public.fn_iu_capture_missing_columns(r), public.fn_iu_capture_misfit(r)
    from public.iu_inbound_route as r
    where r.subject_columns is not null
    order by r.route_code
$$;
comment on function public.fn_iu_capture_functions() is
'The trigger function of each capture of a table of a user. missing_columns: the columns that the capture
names and its table does not have; changes that fire the capture fail while its mode is not off. misfit: how
the function differs from the one that would be generated now; null if it does not, or if the table is
missing.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_capture_functions()', 'inspect');

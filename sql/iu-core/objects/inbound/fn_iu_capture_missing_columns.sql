create or replace function public.fn_iu_capture_missing_columns(capture public.iu_inbound_route)
returns text[]
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(array_agg(distinct c.name order by c.name), '{}')
    from (select public.fn_iu_capture_table(capture.source_table)) as t (oid)
    cross join lateral public.fn_iu_capture_columns(capture) as c
    where t.oid is not null and public.fn_iu_capture_type(t.oid, c.name) is null
$$;
comment on function public.fn_iu_capture_missing_columns(public.iu_inbound_route) is
'The columns that a capture names and its table does not have; empty if there is none, or no table.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_capture_missing_columns(public.iu_inbound_route)', 'internal'
);

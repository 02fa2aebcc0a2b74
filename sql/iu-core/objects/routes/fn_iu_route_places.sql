-- enable_seqscan off: read the first 17 of many routes by iu_outbound_route_by_type, not by a scan and a sort
-- of all (decision 010).
create or replace function public.fn_iu_route_places(
    out event_types text[], out route_nos int[], out route_versions int[]
)
language plpgsql stable
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
as $$
begin
    select coalesce(array_agg(r.event_type), '{}'), array_agg(r.route_no), array_agg(r.route_version)
    into event_types, route_nos, route_versions
    from (
        select * from public.iu_outbound_route as o where o.enabled order by o.event_type, o.route_no limit 17
    ) as r
    having coalesce(bool_and(r.dry_run), true) and count(*) <= 16 and count(*) = count(distinct r.event_type);
end
$$;
comment on function public.fn_iu_route_places() is
'The enabled routes as three parallel arrays: event types, route numbers, route versions. Null if a route is
not dry-run, a type has two routes, or there are more than 16.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_route_places()', 'internal');

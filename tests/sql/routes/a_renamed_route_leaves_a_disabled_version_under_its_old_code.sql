insert into iu_outbound_route (route_code, event_type, enabled, target_kind, target_ref) values
('t.old', 'version_applied', true, 'workflow', 'x');
update iu_outbound_route set route_code = 't.new' where route_code = 't.old';
select same(
    (
        select jsonb_agg(jsonb_build_array(route_code, enabled) order by route_version)
        from iu_outbound_route_version where route_code in ('t.old', 't.new')
    ), '[["t.old", true], ["t.old", false], ["t.new", true]]'::jsonb
);
select same(
    (
        select v.route_code from iu_outbound_route as r
        inner join iu_outbound_route_version as v on v.route_version = r.route_version
        where r.route_code = 't.new'
    ),
    't.new'
);
select emit();
select run();
select same((select count(*) from iu_route_attempt where route_code = 't.new'), 1);

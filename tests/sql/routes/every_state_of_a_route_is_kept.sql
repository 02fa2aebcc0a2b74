insert into iu_outbound_route (route_code, event_type, target_kind, target_ref) values
('t.kept', 'version_applied', 'workflow', 'x');
update iu_outbound_route set enabled = true, target_ref = 'y' where route_code = 't.kept';
delete from iu_outbound_route where route_code = 't.kept';
select same(
    (
        select jsonb_agg(jsonb_build_array(enabled, target_ref) order by route_version)
        from iu_outbound_route_version where route_code = 't.kept'
    ), '[[false, "x"], [true, "y"], [false, "y"]]'::jsonb
);
select refused($$update iu_outbound_route_version set enabled = true$$, 'IU203');

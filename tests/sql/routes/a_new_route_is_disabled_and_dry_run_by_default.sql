insert into iu_outbound_route (route_code, event_type, target_kind, target_ref) values
('t.new', 'version_applied', 'workflow', 'x');
select same(
    (select enabled::text || dry_run::text from iu_outbound_route where route_code = 't.new'), 'falsetrue'
);

insert into iu_outbound_route (route_code, event_type, enabled, target_kind, target_ref) values
('t.second', 'version_applied', true, 'workflow', 'x'), ('t.third', 'version_applied', true, 'workflow', 'x');
select make_live();
select emit_many(20);
select refused($$select run()$$, 'IU302', '%20 of 20%');

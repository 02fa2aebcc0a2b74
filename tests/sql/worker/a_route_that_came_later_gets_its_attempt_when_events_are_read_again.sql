select emit_many(3);
select run();
insert into iu_outbound_route (route_code, event_type, enabled, target_kind, target_ref) values
('t.late', 'version_applied', true, 'workflow', 'x');
select fn_iu_route_worker_seek('tester', 'beginning', 'again');
select same(run() ->> 'attempts_written', '3');
select same(
    (select string_agg(distinct route_code, ',') from iu_route_attempt), 'iu.version_applied.workflow,t.late'
);

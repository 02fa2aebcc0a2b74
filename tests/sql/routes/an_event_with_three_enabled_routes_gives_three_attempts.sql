insert into iu_outbound_route (route_code, event_type, enabled, target_kind, target_ref) values
('t.two', 'version_applied', true, 'workflow', 'x'), ('t.three', 'version_applied', true, 'workflow', 'y'),
('t.off', 'version_applied', false, 'workflow', 'z');
select emit();
select same(
    run() - 'cursor_event_id' - 'cursor_created_at' - 'batch_id',
    '{"status": "ran", "seen": 1, "attempts_written": 3, "skipped": 0, "dead_lettered": 0}'
);
select same(
    (select string_agg(route_code, ',' order by route_code) from iu_route_attempt),
    'iu.version_applied.workflow,t.three,t.two'
);
select same((select count(distinct idempotency_key) from iu_route_attempt), 3);

insert into iu_outbound_route (route_code, event_type, enabled, target_kind, target_ref) values
('t.live', 'version_applied', true, 'workflow', 'x');
select make_live('t.live');
select emit();
select same(
    run() - 'cursor_event_id' - 'cursor_created_at' - 'batch_id',
    '{"status": "ran", "seen": 1, "attempts_written": 2, "skipped": 0, "dead_lettered": 1}'
);
select same(
    (select jsonb_object_agg(route_code, decision) from iu_route_attempt),
    '{"t.live": "failed", "iu.version_applied.workflow": "dry_run"}'::jsonb
);
select same((select route_code from iu_route_dead_letter), 't.live');

select emit();
select fn_iu_gate_set('iu_core.route_worker_enabled', 'false', 'test');
select same(
    run() - 'cursor_event_id' - 'cursor_created_at',
    '{"status": "worker_gate_closed", "seen": 0, "attempts_written": 0, "skipped": 0, "dead_lettered": 0, '
    '"batch_id": null}'
);
select same(attempts(), 0);
select same((select count(*) from iu_route_worker_cursor where worker_name = 'tester'), 0);
select fn_iu_gate_set('iu_core.route_worker_enabled', 'true', 'test');
select same(run() ->> 'seen', '1');

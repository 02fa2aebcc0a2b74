select emit();
select run();
select fn_iu_route_worker_seek('tester', 'beginning', 'test');
select same(
    run() - 'batch_id' - 'cursor_event_id' - 'cursor_created_at',
    '{"status": "ran", "seen": 1, "attempts_written": 0, "skipped": 0, "dead_lettered": 0}'
);
select same(attempts(), 1);

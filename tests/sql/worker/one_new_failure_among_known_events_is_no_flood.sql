select emit_many(100);
select run();
select make_live('iu.structure_piece_split.workflow');
select emit('structure_piece_split');
select fn_iu_route_worker_seek('tester', 'beginning', 'again');
select same(
    run() - 'batch_id' - 'cursor_event_id' - 'cursor_created_at',
    '{"status": "ran", "seen": 101, "attempts_written": 1, "skipped": 0, "dead_lettered": 1}'
);

select emit_many(5);
select keep('third', (select event_id::text from event_outbox order by event_seq offset 2 limit 1));
select fn_iu_route_worker_seek('tester', kept('third'), 'go on');
select same(fn_iu_route_worker_health('tester') ->> 'backlog', '2');
select same(drain(batch_limit => 1), '1,1,0');
select fn_iu_route_worker_seek('tester', upper(kept('third')), 'in capitals');
select same(
    run() - 'batch_id' - 'cursor_event_id' - 'cursor_created_at',
    '{"status": "ran", "seen": 2, "attempts_written": 0, "skipped": 0, "dead_lettered": 0}'
);

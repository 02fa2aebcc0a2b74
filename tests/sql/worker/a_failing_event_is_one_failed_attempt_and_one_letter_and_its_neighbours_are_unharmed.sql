select make_live('iu.structure_piece_split.workflow');
select emit_many(30);
select keep('bad', emit('structure_piece_split', '{"child_count": 2}')::text);
select emit_many(30);
select same(
    run() - 'batch_id' - 'cursor_event_id' - 'cursor_created_at',
    '{"status": "ran", "seen": 61, "attempts_written": 61, "skipped": 0, "dead_lettered": 1}'
);
select same(
    (
        select jsonb_object_agg(decision, n)
        from (select decision, count(*) as n from iu_route_attempt group by 1) as d
    ), '{"dry_run": 60, "failed": 1}'
);
select same(
    (
        select jsonb_build_array(event_id, status, delivered, error_code, attempt_no) from iu_route_attempt
        where decision = 'failed'
    ),
    jsonb_build_array(kept('bad'), 'failed', false, 'worker_process_error', 1)
);
select holds(
    (select error_detail like 'IU201 delivery of event %' from iu_route_attempt where decision = 'failed'),
    'the error is kept'
);
select same(
    (
        select seen || ' ' || dry_run || ' ' || skipped || ' ' || failed || ' ' || dead_lettered
        from iu_route_batch
    ), '61 60 0 1 1'
);

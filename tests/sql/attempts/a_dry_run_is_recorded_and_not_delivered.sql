select keep('event', emit()::text);
select run();
select same(
    (select to_jsonb(a) - 'attempt_id' - 'batch_id' - 'created_at' from iu_route_attempt as a),
    jsonb_build_object(
        'worker_name', 'tester', 'event_id', kept('event'), 'route_code', 'iu.version_applied.workflow',
        'idempotency_key', 'tester:' || kept('event') || ':iu.version_applied.workflow', 'attempt_no', 1,
        'status', 'dry_run', 'decision', 'dry_run', 'delivered', false, 'target_kind', 'workflow',
        'target_ref', 'event_outbox', 'error_code', null, 'error_detail', null, 'run_ref', null
    )
);

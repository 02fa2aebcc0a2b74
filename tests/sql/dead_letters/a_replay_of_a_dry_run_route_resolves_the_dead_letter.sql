select keep('letter', letter()::text);
select same(
    fn_iu_route_dead_letter_replay(kept('letter')::uuid, 'run-7'),
    jsonb_build_object(
        'status', 'replayed', 'decision', 'dry_run', 'resolved', true, 'attempt_no', 2,
        'dead_letter_id', kept('letter')
    )
);
select same(
    (
        select jsonb_build_array(resolution, resolved_by, resolved_at is not null, attempts)
        from iu_route_dead_letter
    ), jsonb_build_array('replayed', session_user, true, 2)
);
select same(
    (
        select jsonb_build_array(attempt_no, decision, delivered, run_ref, batch_id) from iu_route_attempt
        where attempt_no = 2
    ), '[2, "dry_run", false, "run-7", null]'
);
select same((select count(distinct idempotency_key) from iu_route_attempt), 1);

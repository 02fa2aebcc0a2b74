select keep('letter', letter()::text);
select make_live();
select same(
    fn_iu_route_dead_letter_replay(kept('letter')::uuid),
    jsonb_build_object(
        'status', 'replayed', 'decision', 'failed', 'resolved', false, 'attempt_no', 2,
        'dead_letter_id', kept('letter')
    )
);
select same((select attempts || coalesce(resolution, ' open') from iu_route_dead_letter), '2 open');
select same(
    (
        select jsonb_agg(jsonb_build_array(attempt_no, decision, error_code) order by attempt_no)
        from iu_route_attempt
    ), '[[1, "failed", "worker_process_error"], [2, "failed", "worker_process_error"]]'
);

select keep('letter', letter()::text);
select fn_iu_gate_set('iu_core.route_worker_enabled', 'false', 'test');
select fn_iu_gate_set('iu_core.routes_enabled', 'false', 'test');
select same(
    fn_iu_route_dead_letter_replay(kept('letter')::uuid) - 'dead_letter_id',
    '{"status": "master_gate_closed", "decision": null, "resolved": false, "attempt_no": 1}'
);
select same(attempts(), 1);
select fn_iu_gate_set('iu_core.routes_enabled', 'true', 'test');
select same(fn_iu_route_dead_letter_replay(kept('letter')::uuid) ->> 'status', 'replayed');

select keep('letter', letter()::text);
select refused(
    format('select fn_iu_route_dead_letter_discard(%L, null)', kept('letter')), 'IU104', '%reason%null%'
);
select refused(
    format('select fn_iu_route_dead_letter_discard(%L, %L)', kept('letter'), ''), 'IU104', '%reason%empty%'
);
select fn_iu_gate_set('iu_core.routes_enabled', 'false', 'test');
select same(
    fn_iu_route_dead_letter_discard(kept('letter')::uuid, 'of no use'),
    jsonb_build_object('status', 'discarded', 'resolved', true, 'dead_letter_id', kept('letter'))
);
select same(
    (
        select jsonb_build_array(resolution, resolution_reason, resolved_by, attempts)
        from iu_route_dead_letter
    ), jsonb_build_array('discarded', 'of no use', session_user, 1)
);
select same(attempts(), 1);

select keep('letter', letter()::text);
select fn_iu_route_dead_letter_replay(kept('letter')::uuid);
select same(
    fn_iu_route_dead_letter_replay(kept('letter')::uuid),
    jsonb_build_object(
        'status', 'already_resolved', 'decision', null, 'resolved', true, 'attempt_no', 2,
        'dead_letter_id', kept('letter')
    )
);
select same(fn_iu_route_dead_letter_discard(kept('letter')::uuid, 'late') ->> 'status', 'already_resolved');
select same(attempts(), 2);
select same((select resolution from iu_route_dead_letter), 'replayed');

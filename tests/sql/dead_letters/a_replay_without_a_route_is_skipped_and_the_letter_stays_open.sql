select keep('letter', letter()::text);
update iu_outbound_route set enabled = false;
select same(
    fn_iu_route_dead_letter_replay(kept('letter')::uuid) - 'dead_letter_id',
    '{"status": "replayed", "decision": "skipped", "resolved": false, "attempt_no": 2}'
);
delete from iu_outbound_route;
select same(
    fn_iu_route_dead_letter_replay(kept('letter')::uuid) - 'dead_letter_id',
    '{"status": "replayed", "decision": "skipped", "resolved": false, "attempt_no": 3}'
);
select same(
    (
        select string_agg(coalesce(route_code, '-'), ',' order by attempt_no) from iu_route_attempt
        where attempt_no > 1
    ), 'iu.version_applied.workflow,iu.version_applied.workflow'
);

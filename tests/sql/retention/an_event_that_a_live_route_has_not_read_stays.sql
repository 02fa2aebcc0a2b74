select keep('live', 'live:' || fn_iu_name_intern('iu.version_applied.workflow'));
select fn_iu_cursor_make(kept('live'), 'iu', 'delivery');
select emit_old(3);
select drain(), drain('iu_outbound_default');
select keep_days(30);
select same((retain() ->> 'events')::int, 0);
select same(
    fn_iu_retention_state() ->> 'held_by', 'live route iu.version_applied.workflow has not read it'
);
update iu_route_worker_cursor as c
set (consumed_snapshot, anchor_no, anchor_key, cursor_event_id) = (
    select w.consumed_snapshot, w.anchor_no, w.anchor_key,
        (select event_id from event_outbox order by event_seq offset 1 limit 1)
    from iu_route_worker_cursor as w where w.worker_name = 'tester'
)
where c.worker_name = kept('live');
select same((retain() ->> 'events')::int, 1);
select same(
    fn_iu_retention_state() ->> 'held_by',
    'it is the last event that live route iu.version_applied.workflow read'
);

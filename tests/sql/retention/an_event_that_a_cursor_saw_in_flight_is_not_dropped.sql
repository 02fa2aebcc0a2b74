select fn_iu_route_worker_seek('iu_outbound_default', 'beginning', 'a test');
select emit_old(4);
select run('iu_outbound_default');
select keep_days(30);
alter table event_outbox disable trigger all;
update event_outbox set emitted_xid = '900000000000'
where event_seq = (select min(event_seq) from event_outbox);
alter table event_outbox enable trigger all;
select same(retain() ->> 'events', '0');
select holds(
    fn_iu_retention_state() ->> 'held_by' like 'worker iu_outbound_default has not read it',
    'not yet visible, so not read'
);

select fn_iu_route_worker_seek('iu_outbound_default', 'beginning', 'a test');
select emit_old(4);
select run('iu_outbound_default');
select keep_days(30);
select retain();
insert into event_outbox (event_seq, emitted_xid, created_at, event_domain, event_type)
overriding system value
values (
    (select from_seq from iu_retention_history), '3', now() - interval '99 days', 'iu', 'version_applied'
);
select same(retain() ->> 'events', '1');

select fn_iu_route_worker_seek('iu_outbound_default', 'beginning', 'a test');
insert into event_outbox (emitted_xid, created_at, event_domain, event_type) values
('3', clock_timestamp() + interval '20 seconds', 'iu', 'version_applied');
select run('iu_outbound_default');
select keep_days(30);
select same(retain() -> 'held_by', '[]');

select fn_iu_route_worker_seek('iu_outbound_default', 'beginning', 'a test');
select emit_old(3, 100, 'elsewhere');
select emit_old(3);
select run('iu_outbound_default');
select keep_days(30);
select same(retain() ->> 'events', '2');
select same(count(*), 3::bigint) from event_outbox where event_domain = 'elsewhere';
select same(fn_iu_retention_state('elsewhere') ->> 'held_by', 'no worker reads domain elsewhere');

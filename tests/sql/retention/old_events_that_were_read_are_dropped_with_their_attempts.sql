select fn_iu_route_worker_seek('iu_outbound_default', 'beginning', 'a test');
select emit_old(7);
select emit_old(2, 10);
select run('iu_outbound_default');
select keep_days(30);
select same(
    retain(),
    '{"status": "ran", "events": 7, "attempts": 7, "more": false, "retention_days": 30, "held_by": []}'
);
select same(count(*), 2::bigint) from event_outbox;
select same(count(*), 2::bigint) from iu_route_attempt;
select same(retain() ->> 'events', '0');

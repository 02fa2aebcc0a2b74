select fn_iu_route_worker_seek('iu_outbound_default', 'beginning', 'a test');
select emit_old(3, 10000);
select run('iu_outbound_default');
select run();
select same(
    retain() - 'held_by',
    '{"status": "retention_off", "events": 0, "attempts": 0, "more": false, "retention_days": 0}'
);
select same(count(*), 3::bigint) from event_outbox;
select same(fn_iu_retention_state() ->> 'note', null);

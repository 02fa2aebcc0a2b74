select fn_iu_route_worker_seek('iu_outbound_default', 'beginning', 'a test');
select emit_old(3);
select run('iu_outbound_default');
select keep_days(30);
insert into event_outbox_cluster (system_identifier, restored_seq) values (1, 0);
select same(
    retain() - 'held_by',
    '{"status": "other_cluster", "events": 0, "attempts": 0, "more": false, "retention_days": 30}'
);
select fn_iu_route_worker_seek('iu_outbound_default', 'latest', 'anchored');
select same(retain() ->> 'events', '2');

select fn_iu_route_worker_seek('iu_outbound_default', 'beginning', 'a test');
select emit_old(3);
select emit_old(1, -40);
select emit_old(3);
select run('iu_outbound_default');
select keep_days(30);
select same(retain() ->> 'events', '3');
select holds(
    retain() -> 'held_by' ->> 0 like 'retention stops at event %: it is dated in the future, by %',
    'named by the run'
);
select holds(
    fn_iu_route_worker_health() ->> 'reasons' like '%it is dated in the future, by 1 mon %', 'named by health'
);
select same(fn_iu_route_worker_health() -> 'healthy', 'true', 'no fault');
select same(fn_iu_retention_state() ->> 'overdue_days', '0');
select same(count(*), 4::bigint, 'what follows it stays') from event_outbox;

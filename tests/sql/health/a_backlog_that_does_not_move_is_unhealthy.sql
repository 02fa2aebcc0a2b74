select run();
select emit_many(3);
update dot_config set value = '1' where key = 'iu_core.stall_seconds';
update dot_config set updated_at = updated_at - interval '1 hour';
select same(fn_iu_route_worker_health('tester') -> 'healthy', 'true');
select pg_sleep(1.6);
select same(fn_iu_route_worker_health('tester') -> 'healthy', 'false');
select holds(
    (fn_iu_route_worker_health('tester') -> 'reasons' ->> 0) like 'the backlog has not moved for % seconds%',
    'it says so'
);
select run(batch_limit => 1);
select same(fn_iu_route_worker_health('tester') -> 'healthy', 'true', 'progress, though a backlog is left');

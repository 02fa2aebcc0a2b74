select emit();
select pg_sleep(0.05);
select holds(
    (fn_iu_route_worker_health('tester') ->> 'backlog_oldest_seconds')::numeric between 0.05 and 30,
    'some seconds'
);
select run();
select same(fn_iu_route_worker_health('tester') ->> 'backlog_oldest_seconds', '0.000');

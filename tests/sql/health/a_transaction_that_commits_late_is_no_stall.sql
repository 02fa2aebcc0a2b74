select run();
update dot_config set updated_at = updated_at - interval '1 hour';
update iu_route_worker_cursor set last_progress_at = clock_timestamp() - interval '1 hour',
added_at = added_at - interval '1 day';
insert into event_outbox (created_at, event_domain, event_type) values
(clock_timestamp() - interval '10 minutes', 'iu', 'version_applied');
select same(fn_iu_route_worker_health('tester') -> 'backlog', '1');
select same(
    fn_iu_route_worker_health('tester') -> 'healthy', 'true', 'the worker had read everything a moment ago'
);
select holds(
    (fn_iu_route_worker_health('tester') ->> 'backlog_oldest_seconds')::numeric > 600,
    'the age is that of the event'
);
update iu_route_worker_cursor set last_run_at = clock_timestamp() - interval '355 seconds';
select same(
    fn_iu_route_worker_health('tester') -> 'healthy', 'true',
    'runs that find nothing are recorded once a minute'
);
update iu_route_worker_cursor set last_run_at = clock_timestamp() - interval '365 seconds';
select same(fn_iu_route_worker_health('tester') -> 'healthy', 'false', 'nobody has run it since');
select holds(
    (fn_iu_route_worker_health('tester') -> 'reasons' ->> 0)
    like 'the backlog has not moved for 305 seconds%', 'counted from a minute after the last run'
);

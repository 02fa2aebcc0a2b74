update dot_config set updated_at = updated_at - interval '1 hour';
insert into event_outbox (created_at, event_domain, event_type) values
(clock_timestamp() - interval '10 minutes', 'iu', 'version_applied');
select same(fn_iu_route_worker_health('nobody') -> 'healthy', 'false', 'it never ran');
select run();
insert into event_outbox (created_at, event_domain, event_type) values
(clock_timestamp() - interval '301 seconds', 'iu', 'version_applied');
update iu_route_worker_cursor set last_run_at = clock_timestamp() - interval '302 seconds',
last_progress_at = clock_timestamp() - interval '302 seconds',
added_at = added_at - interval '1 day';
select same(
    fn_iu_route_worker_health('tester') -> 'healthy', 'false',
    'what came after the last run waits from when it was emitted'
);

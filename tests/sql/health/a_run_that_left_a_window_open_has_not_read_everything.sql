select run();
update dot_config set updated_at = updated_at - interval '1 hour';
insert into event_outbox (created_at, event_domain, event_type)
select clock_timestamp() - interval '10 minutes', 'iu', 'version_applied' from generate_series(1, 3);
select run(batch_limit => 1);
update iu_route_worker_cursor set last_progress_at = clock_timestamp() - interval '8 minutes',
added_at = added_at - interval '1 day';
select same(fn_iu_route_worker_health('tester') -> 'healthy', 'false');

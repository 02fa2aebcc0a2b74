select emit();
select run();
select refused(
    $$insert into iu_route_attempt_log (event_id, worker_no, route_no, decision)
    select event_id, worker_no, route_no, 'dry_run' from iu_route_attempt_log$$,
    '23505'
);
select refused(
    $$insert into iu_route_attempt_log (event_id, worker_no, decision)
    values (gen_random_uuid(), 1, 'lost')$$,
    '23514', '%decision_is_known%'
);
select refused(
    $$insert into iu_route_attempt_log (event_id, worker_no, decision)
    values (gen_random_uuid(), 1, 'failed')$$,
    '23514', '%error_goes_with_failure%'
);

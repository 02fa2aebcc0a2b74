select emit(), emit();
select run('tester', 1);
select refused(
    $$select fn_iu_route_worker_retire('tester', 'x')$$, 'IU104', 'worker tester has 1 unread events',
    '%iu run --worker tester'
);
select run();
insert into iu_route_dead_letter (event_id, worker_name, route_code, idempotency_key)
select event_id, 'tester', 'r', 'k' from event_outbox limit 1;
select refused(
    $$select fn_iu_route_worker_retire('tester', 'x')$$, 'IU104', 'worker tester has 1 open dead letters',
    '%iu replay --due'
);
update iu_route_dead_letter set resolution = 'replayed', resolved_at = now();
select same(fn_iu_route_worker_retire('tester', 'x') ->> 'status', 'retired');

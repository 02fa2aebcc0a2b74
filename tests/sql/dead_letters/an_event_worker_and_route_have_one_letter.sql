-- A second letter under another key would give one attempt two keys.
select letter();
select refused(
    ($$insert into iu_route_dead_letter (event_id, worker_name, route_code, idempotency_key)
        select event_id, worker_name, route_code, 'another key' from iu_route_dead_letter$$),
    '23505', '%one_letter_for_each_event_worker_and_route%'
);
insert into iu_route_dead_letter (event_id, worker_name, idempotency_key)
select event_id, worker_name, 'no route' from iu_route_dead_letter;
select refused($$insert into iu_route_dead_letter (event_id, worker_name, idempotency_key)
    select event_id, worker_name, 'neither' from iu_route_dead_letter where route_code is null$$, '23505');
insert into iu_route_dead_letter (event_id, worker_name, route_code, idempotency_key)
select event_id, worker_name, 'iu.other', 'another route' from iu_route_dead_letter where route_code is null;
insert into iu_route_dead_letter (event_id, worker_name, idempotency_key)
select event_id, 'another', 'another worker' from iu_route_dead_letter where route_code is null;
-- If the letter exists already, the failure makes no second one.
select keep('event', emit()::text);
insert into iu_route_dead_letter (event_id, worker_name, route_code, idempotency_key)
values (kept('event')::uuid, 'tester', 'iu.version_applied.workflow', 'before the run');
select make_live();
select same(run() ->> 'dead_lettered', '0');
select same(
    (select array_agg(idempotency_key) from iu_route_dead_letter where event_id = kept('event')::uuid),
    array['before the run']
);

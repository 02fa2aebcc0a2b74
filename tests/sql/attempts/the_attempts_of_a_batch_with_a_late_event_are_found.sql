-- The event numbers of the batch span more than ten thousand.
select run();
select emit();
select setval(
    pg_get_serial_sequence('event_outbox', 'event_seq'), (select max(event_seq) + 10000 from event_outbox)
);
select emit_many(3);
select run();
select holds(last_event_seq - first_event_seq > 10000, 'its events lie far apart') from iu_route_batch;
select same(
    (select array_agg(attempt_id) from fn_iu_attempts_by_batch((select batch_id from iu_route_batch))),
    (select array_agg(attempt_id order by attempt_id desc) from iu_route_attempt)
);
select same(
    (select array_agg(attempt_id) from fn_iu_attempts_newest(2)),
    (select array_agg(attempt_id) from (
        select attempt_id from iu_route_attempt order by attempt_id desc limit 2
    ) as a)
);
select same(count(*), 4) from iu_route_attempt as a cross join lateral fn_iu_attempts_by_id(a.attempt_id);

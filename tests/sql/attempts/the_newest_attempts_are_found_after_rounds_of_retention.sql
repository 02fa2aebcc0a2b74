select fn_iu_route_worker_seek('tester', 'beginning', 'a test');
select emit_old(30), emit_many(5);
select drain('tester', 10);
-- The newest batches of a later worker have the oldest events.
select drain('later', 12);
select keep_days(30);
select same(retain() ->> 'events', '30');
select holds((select count(*) from iu_route_attempt) between 1 and 19, 'fewer are left than a page has');
select same(
    (select array_agg(attempt_id) from fn_iu_attempts_newest()),
    (select array_agg(attempt_id order by attempt_id desc) from iu_route_attempt)
);
select same(
    (select array_agg(attempt_id) from fn_iu_attempts_newest(3)),
    (select array_agg(attempt_id) from (
        select attempt_id from iu_route_attempt order by attempt_id desc limit 3
    ) as a)
);
select same(count(*), 0) from iu_route_attempt as a
where not exists (select from fn_iu_attempts_by_id(a.attempt_id) as f where f.attempt_id = a.attempt_id);
select same((select count(*) from fn_iu_attempts_by_batch((select min(batch_id) from iu_route_batch))), 0);
select same(
    (select array_agg(attempt_id) from fn_iu_attempts_by_worker('tester')),
    (select array_agg(attempt_id order by attempt_id desc) from iu_route_attempt where worker_name = 'tester')
);

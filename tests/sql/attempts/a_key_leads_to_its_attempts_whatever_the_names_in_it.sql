select emit(), run('a:worker:with-colons');
select same(
    (select max(worker_name) from fn_iu_attempts_by_key((select idempotency_key from iu_route_attempt))),
    'a:worker:with-colons'
);
-- An event without a route.
select emit('sql_link_created'), run();
select same((
    select count(*) from fn_iu_attempts_by_key((
        select idempotency_key from iu_route_attempt where route_code is null
    ))
), 1);
-- A letter's key leads to its replays, not to the first attempt.
insert into iu_route_dead_letter (event_id, worker_name, route_code, idempotency_key)
select event_id, worker_name, route_code, 'a key of its own'
from iu_route_attempt where worker_name like 'a:%';
select fn_iu_route_dead_letter_replay(dead_letter_id) from iu_route_dead_letter;
select same((select array_agg(attempt_no) from fn_iu_attempts_by_key('a key of its own')), array[2]);
select same((
    select array_agg(attempt_no) from fn_iu_attempts_by_key((
        select idempotency_key from iu_route_attempt where attempt_no = 1 and worker_name like 'a:%'
    ))
), array[1]);
select same((
    select count(*)
    from fn_iu_attempts_by_key('tester:' || gen_random_uuid() || ':iu.version_applied.workflow')
), 0);
select same((select count(*) from fn_iu_attempts_by_key('nobody:' || gen_random_uuid() || ':no.route')), 0);

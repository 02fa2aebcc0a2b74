select emit_many(30), run();
select keep('letter', letter()::text);
select make_live();
select count(fn_iu_route_dead_letter_replay(kept('letter')::uuid, 'by hand')) from generate_series(1, 25);
select same(
    (select array_agg(attempt_no) from fn_iu_attempts_newest(20)),
    (select array_agg(n order by n desc) from generate_series(7, 26) as n)
);
select same((select count(*) from fn_iu_attempts_newest(30) where batch_id is null), 25);
select same(
    (select array_agg(attempt_id) from fn_iu_attempts_newest(30)),
    (select array_agg(attempt_id) from (
        select attempt_id from iu_route_attempt order by attempt_id desc limit 30
    ) as a)
);
select same((select count(*) from fn_iu_attempts_by_run('by hand')), 25);
select same((select count(*) from fn_iu_attempts_by_worker('tester', 100)), 56);
select same(count(*), 26) from fn_iu_attempts_by_key((select idempotency_key from iu_route_dead_letter));

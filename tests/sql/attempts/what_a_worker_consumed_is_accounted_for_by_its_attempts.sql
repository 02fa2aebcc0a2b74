select same(
    (select c from fn_iu_attempts_conservation('tester', 1000) as c)::text, '(0,0,0)',
    'a worker that never ran'
);
select emit_old(10);
select drain(batch_limit => 4);
select same((select c from fn_iu_attempts_conservation('tester', 1000) as c)::text, '(0,3,0)');
select same((select c from fn_iu_attempts_conservation('nobody', 1000) as c)::text, '(0,0,0)');
-- Events skipped by a seek need no attempt.
select emit_old(5);
select fn_iu_route_worker_seek('tester', 'latest', 'test');
select same((select c from fn_iu_attempts_conservation('tester', 1000) as c)::text, '(0,3,0)');

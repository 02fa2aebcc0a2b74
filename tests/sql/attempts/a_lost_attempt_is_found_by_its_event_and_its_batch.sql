select emit_old(10);
select drain(batch_limit => 4);
select drain('second');
set local session_replication_role = replica;
delete from iu_route_attempt_log where attempt_id = (
    select min(attempt_id) from iu_route_attempt where worker_name = 'tester'
);
select same((select c from fn_iu_attempts_conservation('tester', 1000) as c)::text, '(1,3,1)');
select same(
    (select c from fn_iu_attempts_conservation('second', 1000) as c)::text, '(0,1,0)', 'another worker'
);
-- The second argument limits the newest events, and the batches by their newest attempts.
select same((select c from fn_iu_attempts_conservation('tester', 9) as c)::text, '(0,3,1)');
select same((select c from fn_iu_attempts_conservation('tester', 6) as c)::text, '(0,2,0)');
select same((select c from fn_iu_attempts_conservation('tester', 0) as c)::text, '(0,0,0)');
-- An attempt that its batch did not count.
insert into iu_route_attempt_log (batch_id, event_id, worker_no, attempt_no, decision, idempotency_key)
select max(batch_id), gen_random_uuid(), 1, 2, 'skipped', 'test:1' from iu_route_batch
where worker_name = 'second';
select same((select c from fn_iu_attempts_conservation('second', 1000) as c)::text, '(0,1,1)');

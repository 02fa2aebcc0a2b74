select emit_many(3);
select same(run('one') ->> 'attempts_written', '3');
select same(run('two') ->> 'attempts_written', '3');
select same(run('one') ->> 'seen', '0');
select same((select count(distinct idempotency_key) from iu_route_attempt), 6);

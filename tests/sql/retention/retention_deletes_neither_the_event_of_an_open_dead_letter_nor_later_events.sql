select fn_iu_route_worker_seek('iu_outbound_default', 'beginning', 'a test');
select emit_old(3);
select run('iu_outbound_default');
select keep('second', (select event_id::text from event_outbox order by event_seq offset 1 limit 1));
insert into iu_route_dead_letter (event_id, worker_name, idempotency_key) values
(kept('second')::uuid, 'iu_outbound_default', 'a test');
select emit();
select run('iu_outbound_default');
select keep_days(30);
select same(retain() ->> 'events', '1');
select holds(
    fn_iu_route_worker_health() ->> 'reasons' like '%: dead letter % is open%', 'health names the letter'
);
select fn_iu_route_dead_letter_discard(dead_letter_id, 'a test') from iu_route_dead_letter
where idempotency_key = 'a test';
select same(retain() ->> 'events', '2');
select same(count(*), 1::bigint, 'the letter stays') from iu_route_dead_letter
where idempotency_key = 'a test';

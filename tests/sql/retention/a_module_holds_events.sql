create table pg_temp.held (event_domain text, event_seq bigint, reason text);
create function public.fn_iu_shop_retention_hold(event_domain text)
returns table (event_seq bigint, reason text) language sql stable as $$
    select h.event_seq, h.reason from pg_temp.held as h
    where h.event_domain = fn_iu_shop_retention_hold.event_domain order by h.event_seq limit 1
$$;
select emit_old(5);
select drain(), drain('iu_outbound_default');
select keep_days(30);
insert into pg_temp.held select 'iu', event_seq, 'the shop has it in its queue' from event_outbox
order by event_seq offset 2 limit 1;
select holds(not exists (select from fn_iu_retention_hold('iu')), 'outside the manifest it is not called');
savepoint undeclared;
select same((retain() ->> 'events')::int, 4, 'nothing is held');
rollback to undeclared;
select fn_iu_object_declare('iu-shop', 'function', 'public.fn_iu_shop_retention_hold(text)', 'internal');
grant select on pg_temp.held to iu_owner;
select same((retain() ->> 'events')::int, 2);
select same(fn_iu_retention_state() ->> 'held_by', 'the shop has it in its queue');
select same((fn_iu_retention_run() ->> 'events')::int, 0);
select holds(
    fn_iu_route_worker_health('tester') ->> 'reasons'
    like '%held back by 70 days%the shop has it in its queue%',
    'health'
);
-- The hold of another module, further ahead, changes nothing; one that is further back decides.
create function public.fn_iu_depot_retention_hold(text)
returns table (event_seq bigint, reason text) language sql stable as $$
    select h.event_seq + current_setting('iu_test.ahead')::int, 'the depot has it' from pg_temp.held as h
    where h.event_domain = $1
$$;
select fn_iu_object_declare('iu-depot', 'function', 'public.fn_iu_depot_retention_hold(text)', 'internal');
select keep('ahead', '1');
select same((select reason from fn_iu_retention_hold('iu')), 'the shop has it in its queue');
select keep('ahead', '-1');
select same((select reason from fn_iu_retention_hold('iu')), 'the depot has it');
select same(fn_iu_retention_state() ->> 'held_by', 'the depot has it', 'an earlier event holds later ones');
delete from pg_temp.held;
select same((retain() ->> 'events')::int, 2);
select same(fn_iu_retention_state() ->> 'held_by' like 'it is the last event%', true);

select same((select fn_iu_sent_tally()::text), '(0,0,0)');
create table pg_temp.told (sent bigint, unpromoted bigint);
insert into pg_temp.told values (7, 0);
create function public.fn_iu_shop_sent_tally() returns table (sent bigint, unpromoted bigint)
language sql stable as $$ select t.sent, t.unpromoted from pg_temp.told as t $$;
select same((select fn_iu_sent_tally()::text), '(0,0,0)', 'outside the manifest it is not called');
select fn_iu_object_declare('iu-shop', 'function', 'public.fn_iu_shop_sent_tally()', 'internal');
grant select on pg_temp.told to iu_owner;
select same((select fn_iu_sent_tally()::text), '(1,7,0)');
select emit();
select run();
select same(fn_iu_route_worker_health('tester') ->> 'delivered_sent', '7');
select same(fn_iu_route_worker_health('tester') ->> 'healthy', 'true');
update pg_temp.told set unpromoted = 2;
select same((select fn_iu_sent_tally()::text), '(1,7,2)');
-- What the core counts as sent had no promotion.
update iu_route_attempt_tally set sent = 1 where tally_key = 'tester';
select same((select fn_iu_sent_tally()::text), '(1,8,3)');
select same(fn_iu_route_worker_health('tester') ->> 'delivered_sent', '8');

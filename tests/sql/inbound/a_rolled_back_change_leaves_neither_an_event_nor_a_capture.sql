select shop();
select capture('insert');
savepoint before;
insert into shop.orders values (1, 'a');
select same(captured(), 'orders/1:a');
rollback to savepoint before;
select same((select count(*) from event_outbox) + (select count(*) from iu_inbound_capture), 0::bigint);

select shop();
select capture('insert');
select capture('delete');
insert into shop.orders values (1, 'a');
truncate shop.orders;
set local session_replication_role = replica;
insert into shop.orders values (2, 'b');
set local session_replication_role = origin;
select same(captured(), 'orders/1:a');

select shop();
create table shop.customers (id bigint primary key);
insert into shop.customers values (1), (2);
alter table shop.orders add foreign key (customer) references shop.customers on delete cascade;
select capture('delete');
insert into shop.orders values (1, 'a', 1, 1), (2, 'b', 1, 1), (3, 'c', 1, 2);
delete from shop.customers where id = 1;
select same(captured(), 'orders/1:a orders/2:b');

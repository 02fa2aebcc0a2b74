select shop();
alter table shop.orders drop constraint orders_pkey, add primary key (id) deferrable;
select capture('insert');
select capture('update');
insert into shop.orders values (1, 'a'), (2, 'b');
update shop.orders set id = 3 - id;
select same(
    (select string_agg(route_code || ' ' || source_key, ', ' order by source_op, source_key)
    from iu_inbound_capture),
    'shop.insert 1, shop.insert 2, shop.update 1, shop.update 2'
);

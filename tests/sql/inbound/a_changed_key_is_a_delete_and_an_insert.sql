select shop();
select capture('insert');
select capture('update');
select capture('delete');
insert into shop.orders values (1, 'new');
update shop.orders set id = 2, status = 'moved';
select same(
    (select string_agg(route_code || ' ' || source_key, ', ' order by capture_id) from iu_inbound_capture),
    'shop.insert 1, shop.delete 1, shop.insert 2'
);
update shop.orders set status = 'kept';
delete from shop.orders;
select same(
    (select string_agg(route_code || ' ' || source_key, ', ' order by capture_id) from iu_inbound_capture),
    'shop.insert 1, shop.delete 1, shop.insert 2, shop.update 2, shop.delete 2'
);
select same((select count(*) from event_outbox), 5::bigint);

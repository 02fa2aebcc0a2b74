select shop();
select capture('insert');
select capture('update');
insert into shop.orders values (1, 'old');
insert into shop.orders values (1, 'again'), (2, 'new')
on conflict (id) do update set status = excluded.status;
insert into shop.orders values (1, 'ignored') on conflict do nothing;
select same(
    (select string_agg(route_code || ' ' || source_key, ', ' order by source_key, capture_id)
    from iu_inbound_capture),
    'shop.insert 1, shop.update 1, shop.insert 2'
);

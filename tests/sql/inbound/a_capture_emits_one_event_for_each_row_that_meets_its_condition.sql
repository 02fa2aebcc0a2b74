select shop();
select capture('update', '{"becomes": {"status": "paid"}}');
insert into shop.orders select n, 'open', n, 7 from generate_series(1, 5) as n;
update shop.orders set status = 'paid' where id <= 3;
update shop.orders set status = 'paid';
update shop.orders set note = 'x';
select same(captured(), 'orders/1:paid orders/2:paid orders/3:paid orders/4:paid orders/5:paid');
select same(
    (select array_agg(distinct event_subject_ref = fn_iu_subject('shop.orders', source_key))
    from iu_inbound_capture inner join event_outbox using (event_id)),
    array[true]
);
select same(
    (select count(*) from iu_inbound_capture where source_ref = fn_iu_subject('shop.orders', '3')),
    1::bigint
);

select shop();
insert into iu_inbound_route (
    route_code, source_table, source_op, target_event_type, subject_columns, address_template, enabled
)
values ('shop.new', 'shop.orders', 'insert', 'order_changed', '{id}', 'orders/{id}', true);
select holds(
    fn_iu_route_worker_health() -> 'reasons' ? 'capture shop.new is on and not attached to shop.orders',
    'the capture is named'
);
select capture('delete');
select holds(
    not fn_iu_route_worker_health() -> 'reasons' ? 'capture shop.delete is on and not attached to shop.orders',
    'an attached capture is not named'
);
update iu_inbound_route set enabled = false where route_code = 'shop.new';
select holds(fn_iu_route_worker_health() ->> 'reasons' not like '%shop.new%', 'a capture that is off is not named');
drop table shop.orders;
select holds(
    fn_iu_route_worker_health() -> 'reasons' ? 'capture shop.delete is on and not attached to shop.orders',
    'a capture whose table is gone is named'
);

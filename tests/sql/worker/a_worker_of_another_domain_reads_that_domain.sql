insert into event_type_registry (event_type, event_domain, event_stream, delivery_lane, event_subject_table)
values ('order_paid', 'shop', 'update', 'immediate', 'orders');
select emit(), emit('order_paid'), emit('order_paid');
select same(
    fn_iu_route_worker_add('shop_worker', 'shop', 'read the shop'),
    '{"status": "added", "worker_name": "shop_worker", "event_domain": "shop", "retired_at": null}'
);
select same(
    fn_iu_route_worker_add('shop_worker', 'shop', 'again') ->> 'status', 'exists'
);
select same(run('shop_worker') ->> 'seen', '2');
select same((select string_agg(distinct event_domain, ',') from iu_route_batch where seen = 2), 'shop');
select same(run('tester') ->> 'seen', '1', 'an unknown name reads domain iu');

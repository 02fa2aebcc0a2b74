insert into event_type_registry (event_type, event_domain, event_stream, delivery_lane, event_subject_table)
values ('order_paid', 'shop', 'update', 'immediate', 'orders');
select same(
    fn_iu_route_worker_health() -> 'reasons',
    '["no worker reads domain shop; enabled event types: 1, unread events: 0"]'
);
select emit('order_paid'), emit('order_paid');
insert into event_outbox (event_id, event_type, event_domain) values (gen_random_uuid(), 'page', 'kb');
select same(
    fn_iu_route_worker_health() -> 'reasons',
    '["no worker reads domain shop; enabled event types: 1, unread events: 2",
    "no worker reads domain kb; enabled event types: 0, unread events: 1"]'
);
select same(fn_iu_route_worker_health() -> 'healthy', 'true');
select fn_iu_route_worker_add('shop_worker', 'shop', 'test');
select same(
    (select jsonb_agg(to_jsonb(d)) from fn_iu_unread_domains() as d),
    '[{"event_domain": "kb", "event_types": 0, "unread_events": 1, "unread_events_capped": false}]'
);
insert into event_type_registry (event_type, event_domain, event_stream, delivery_lane)
values ('page', 'kb', 'update', 'immediate');
select same((select event_types from fn_iu_unread_domains()), 1);
update event_type_registry set enabled = false where event_type = 'page';
select same((select event_types from fn_iu_unread_domains()), 0, 'a disabled type does not count');

insert into event_type_registry (event_type, event_domain, event_stream, delivery_lane) values
('crm.changed', 'crm', 'update', 'batch');
select emit('crm.changed', subject => 1);
select emit(subject => 2);
select emit('crm.changed', subject => 3);
select emit(subject => 4);
select same(drain(batch_limit => 1), '1,1,0');
select same((fn_iu_route_worker_health('tester') ->> 'backlog')::int, 0);
select same(
    (
        select count(*) from iu_route_attempt as a inner join event_outbox as o using (event_id)
        where o.event_domain <> 'iu'
    ), 0
);

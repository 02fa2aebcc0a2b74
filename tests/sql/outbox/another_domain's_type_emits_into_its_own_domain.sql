insert into event_type_registry (event_type, event_domain, event_stream, delivery_lane) values
('crm.changed', 'crm', 'update', 'batch');
select emit('crm.changed');
select same((select event_domain || ' ' || delivery_lane from event_outbox), 'crm batch');
select same(run() ->> 'seen', '0');

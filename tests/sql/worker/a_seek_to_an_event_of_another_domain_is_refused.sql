insert into event_type_registry (event_type, event_domain, event_stream, delivery_lane) values
('crm.changed', 'crm', 'update', 'batch');
select keep('event', emit('crm.changed')::text);
select refused(format('select fn_iu_route_worker_seek(%L, %L, %L)', 'tester', kept('event'), 'x'), 'IU501');

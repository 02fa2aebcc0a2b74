select emit(), emit();
select drain(), drain('iu_outbound_default');
select fn_iu_route_worker_retire('tester', 'test');
select same((select count(*) from fn_iu_unread_domains()), 0, 'another worker reads the domain');
select fn_iu_route_worker_retire('iu_outbound_default', 'test');
select same((select unread_events from fn_iu_unread_domains()), 0);
select emit();
select same((select unread_events from fn_iu_unread_domains()), 1, 'those that it read are not counted');
select same(
    (select array_agg(reason like 'the worker was retired at %' or reason like
    'no worker reads domain iu; enabled event types: 3, unread events: 1')
        from jsonb_array_elements_text(fn_iu_route_worker_health() -> 'reasons') as reason),
    array[true, true]
);
update event_type_registry set enabled = false;
select same((select unread_events from fn_iu_unread_domains()), 1);
update iu_route_worker_cursor set anchor_key = gen_random_uuid();
select same((select unread_events from fn_iu_unread_domains()), 1, 'by number: no snapshot applies');

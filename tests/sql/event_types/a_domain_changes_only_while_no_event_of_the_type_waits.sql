insert into event_type_registry (event_type, event_domain, event_stream, delivery_lane) values
('t.moved', 'iu', 'update', 'immediate'), ('t.other', 'iu', 'update', 'immediate');
create function move(domain text) returns void language sql as $$
    update event_type_registry set event_domain = domain where event_type = 't.moved'
$$;
select move('shop');
select emit('t.moved');
select same(fn_iu_event_type_waiting('t.moved', 10), 1, 'no worker reads the domain');
select refused(
    $$select move('iu')$$, 'IU104', 'event_domain of t.moved cannot change from ''shop'' to ''iu'': 1 of %',
    'A worker reads one domain%domain shop%'
);
select run();
update iu_route_worker_cursor set event_domain = 'shop' where worker_name = 'tester';
select refused($$select move('iu')$$, 'IU104');
update event_type_registry set delivery_lane = 'batch' where event_type = 't.moved';
update event_type_registry set event_domain = 'shop' where event_type = 't.other';
select emit('t.other');
select run();
select same(fn_iu_event_type_waiting('t.moved', 10), 0, 'it was read');
select emit('t.other');
select move('iu');
select same(fn_iu_event_type_waiting('no_such', 10), 0, 'unknown type');

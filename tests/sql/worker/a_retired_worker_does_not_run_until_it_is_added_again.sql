select emit();
select run();
select same(fn_iu_route_worker_retire('tester', 'moved') ->> 'status', 'retired');
select same(fn_iu_route_worker_retire('tester', 'moved') ->> 'status', 'already_retired');
select emit();
select refused(
    $$select fn_iu_route_worker_run('tester', 10)$$, 'IU104', 'worker tester was retired at %',
    '%iu worker add tester --domain iu --reason WHY%'
);
select fn_iu_gate_set('iu_core.route_worker_enabled', 'false', 'test');
select same(run() ->> 'status', 'worker_gate_closed');
select fn_iu_gate_set('iu_core.route_worker_enabled', 'true', 'test');
select same(
    fn_iu_event_reading((select event_id from event_outbox order by event_seq desc limit 1), 'tester')
    ->> 'status', 'retired'
);
select same(fn_iu_route_worker_add('tester', 'iu', 'back') ->> 'status', 'resumed');
select same(drain(), '1,0', 'it continues where it stopped');

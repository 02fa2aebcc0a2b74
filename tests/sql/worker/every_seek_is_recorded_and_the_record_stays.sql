select emit();
select run();
select fn_iu_route_worker_seek('tester', 'beginning', 'first reason');
select same(
    (
        select jsonb_build_array(worker_name, position, reason, to_event_id, sought_by)
        from iu_route_worker_seek
    ),
    jsonb_build_array('tester', 'beginning', 'first reason', null, session_user)
);
select same((select from_event_id from iu_route_worker_seek), (select event_id from event_outbox));
select refused($$delete from iu_route_worker_seek$$, 'IU203');

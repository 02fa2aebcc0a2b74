select fn_iu_route_worker_seek('iu_outbound_default', 'beginning', 'a test');
select fn_iu_route_worker_add('tester', 'iu', 'a test');
select fn_iu_route_worker_retire('tester', 'a test');
select emit_old(3);
select run('iu_outbound_default');
select keep_days(30);
select same(retain() ->> 'events', '2', 'the retired worker has read nothing');
select same(
    fn_iu_retention_state('iu') ->> 'held_by', 'it is the last event that worker iu_outbound_default read'
);

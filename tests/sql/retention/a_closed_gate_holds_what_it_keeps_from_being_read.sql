select fn_iu_route_worker_seek('iu_outbound_default', 'beginning', 'a test');
select emit_old(5);
select fn_iu_gate_set('iu_core.route_worker_enabled', 'false', 'a test');
select run('iu_outbound_default');
select keep_days(30);
select same(retain() ->> 'events', '0');
select holds(
    (fn_iu_route_worker_health() ->> 'reasons') like '%worker gate closed; events held: 5%',
    'health names the gate'
);
select holds(
    (fn_iu_route_worker_health() ->> 'reasons') like '%retention is held back by 70 days%',
    'and its effect on retention'
);
select same(count(*), 5::bigint) from event_outbox;

select emit_many(3);
select run(batch_limit => 1);
select fn_iu_gate_set('iu_core.route_worker_enabled', 'false', 'test');
select same(fn_iu_route_worker_health('tester') -> 'reasons', '["worker gate closed: 2 events are held"]');
select fn_iu_gate_set('iu_core.routes_enabled', 'false', 'test');
select same(
    fn_iu_route_worker_health('tester') -> 'reasons',
    '["master gate closed: 2 events are held", "worker gate closed: 2 events are held"]'
);
select same(fn_iu_route_worker_health('tester') -> 'healthy', 'true');

select emit_many(3);
select run(batch_limit => 1);
select fn_iu_gate_set('iu_core.route_worker_enabled', 'false', 'test');
select same(fn_iu_route_worker_health('tester') -> 'reasons', '["worker gate closed; events held: 2"]');
select fn_iu_gate_set('iu_core.routes_enabled', 'false', 'test');
select same(
    fn_iu_route_worker_health('tester') -> 'reasons',
    '["master gate closed; events held: 2", "worker gate closed; events held: 2"]'
);
select same(fn_iu_route_worker_health('tester') -> 'healthy', 'true');

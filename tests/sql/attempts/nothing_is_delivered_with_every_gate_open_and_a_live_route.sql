select fn_iu_gate_set('iu_core.delivery_enabled', 'true', 'test');
select fn_iu_gate_set('iu_core.delivery_live_routes', 'iu.version_applied.workflow', 'test');
select make_live();
select emit();
select same(run() ->> 'dead_lettered', '1');
select same((select bool_or(delivered) from iu_route_attempt), false);
select same(fn_iu_route_worker_health('tester') ->> 'delivered_sent', '0');

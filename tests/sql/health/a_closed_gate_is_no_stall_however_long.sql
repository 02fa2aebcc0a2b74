select emit_many(3);
update dot_config set value = '1' where key = 'iu_core.stall_seconds';
select fn_iu_gate_set('iu_core.route_worker_enabled', 'false', 'test');
select pg_sleep(1.2);
select same(fn_iu_route_worker_health('tester') -> 'healthy', 'true');

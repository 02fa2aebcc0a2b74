select fn_iu_gate_set('iu_core.route_worker_enabled', 'false', 'test');
select same(run() ->> 'status', 'worker_gate_closed');
select fn_iu_gate_set('iu_core.routes_enabled', 'false', 'test');
select same(run() ->> 'status', 'master_gate_closed');

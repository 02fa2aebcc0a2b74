delete from dot_config where key = 'iu_core.route_worker_enabled';
select same(run() ->> 'status', 'worker_gate_closed');
delete from dot_config where key = 'iu_core.routes_enabled';
select same(run() ->> 'status', 'master_gate_closed');
select same(fn_iu_route_worker_health() -> 'master_gate_open', 'false'::jsonb);

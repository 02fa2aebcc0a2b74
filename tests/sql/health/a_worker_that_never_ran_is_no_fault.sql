select same(fn_iu_route_worker_health('nobody') -> 'healthy', 'true');
select same(fn_iu_route_worker_health('nobody') -> 'reasons', '["the worker has not run yet"]');
select emit_many(4);
select same(fn_iu_route_worker_health('nobody') ->> 'backlog', '4');

-- 080: the worker gate is closed. Opening it is a step of its own (090).
select public.fn_iu_step_require('iu-core', '070_functions');

select public.fn_iu_gate_set('iu_core.route_worker_enabled', 'false', 'runtime/080: the worker begins closed');

select public.fn_iu_step_record(
    'iu-core', '080_route_worker_disable',
    'c589de943470bea9ec394daaad41a5f7f0989edcd2bfbf28e5c86b98ef1e4317'
);

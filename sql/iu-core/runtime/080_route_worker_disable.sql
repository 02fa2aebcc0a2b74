-- 080: the worker gate is closed. Opening it is a step of its own (090).
select public.fn_iu_step_require('070_functions');

select public.fn_iu_gate_set('iu_core.route_worker_enabled', 'false', 'runtime/080: the worker begins closed');


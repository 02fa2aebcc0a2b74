-- 080: the worker gate is closed. Opening it is a step of its own (090).
select public.fn_iu_step_require('070_functions');

select public.fn_iu_gate_set('iu_core.route_worker_enabled', 'false', 'runtime/080: the worker begins closed');

select public.fn_iu_step_record('080_route_worker_disable', '49af11c9ba00253e61da1607ac743ece957cc2f84613cf3b2c2a172a53950124');

-- 080: the worker gate is closed. Opening it is a step of its own (090).
select public.fn_iu_step_require('iu-core', '070_functions');

select public.fn_iu_gate_set(public.fn_iu_gate_key('worker'), 'false', 'runtime/080: the worker begins closed');

select public.fn_iu_step_record(
    'iu-core', '080_route_worker_disable',
    '0b28c09f398288b71a2de5132b4377a1f37322e98f4808e0bc40a7fac9448694'
);

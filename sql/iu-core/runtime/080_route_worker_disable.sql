-- 080: closes the worker gate. Step 090 opens it.
select public.fn_iu_step_require('iu-core', '070_functions');

select public.fn_iu_gate_set(
    public.fn_iu_gate_key('worker'), 'false', 'runtime/080: the worker gate is closed after an install'
);

select public.fn_iu_step_record(
    'iu-core', '080_route_worker_disable',
    '91ab9d60e991030744071e67472ad9ca11105e5a825c91b7d6a72f457daf6a29'
);

-- Undoes 090 by closing the worker gate, as runtime/080 does. What the worker recorded is kept.
select public.fn_iu_gate_set(
    public.fn_iu_gate_key('worker'), 'false', 'rollback/090: the worker is disabled'
);
select public.fn_iu_step_forget('iu-core', '090_route_worker_enable');

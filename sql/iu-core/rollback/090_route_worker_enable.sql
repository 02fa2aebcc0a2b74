-- Undoes 090, and does what runtime/080 does: the worker gate is closed. What the worker recorded stays on record.
select public.fn_iu_gate_set(
    public.fn_iu_gate_key('worker'), 'false', 'rollback/090: the worker is disarmed'
);
select public.fn_iu_step_forget('iu-core', '090_route_worker_enable');

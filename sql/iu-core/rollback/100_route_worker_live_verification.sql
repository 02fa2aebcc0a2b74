-- Undoes 100, which changed nothing: takes it out of the ledger.
select public.fn_iu_step_forget('iu-core', '100_route_worker_live_verification');

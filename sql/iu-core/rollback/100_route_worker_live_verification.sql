-- Undoes 100, which changed nothing, by removing it from the ledger.
select public.fn_iu_step_forget('iu-core', '100_route_worker_live_verification');

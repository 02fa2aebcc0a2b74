-- Undoes 080. The worker gate was closed before the step and stays closed.
select public.fn_iu_step_forget('iu-core', '080_route_worker_disable');

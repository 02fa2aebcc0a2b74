-- Undoes 020. The history of the gates goes with them: by now nothing is left that they govern.
drop table public.dot_config_history;
drop table public.dot_config;
select public.fn_iu_step_forget('iu-core', '020_gates');

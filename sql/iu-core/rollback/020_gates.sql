-- Undoes 020, with the history of the gates: nothing is left that they control.
drop table public.dot_config_history;
drop table public.dot_config;
select public.fn_iu_step_forget('iu-core', '020_gates');

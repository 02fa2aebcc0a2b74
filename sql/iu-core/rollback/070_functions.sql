-- Undoes 070: drops what the functions step made, and gives the tables back to the installer with what they hold.
select public.fn_iu_step_forget('iu-core', '070_functions');
alter table public.event_outbox alter column event_id drop default;
select public.fn_iu_module_drop('iu-core', '070_functions');

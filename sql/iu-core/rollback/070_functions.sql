-- Undoes 070: drops what the functions step created, and makes the installing role the owner of the tables,
-- which keep their rows.
select public.fn_iu_step_forget('iu-core', '070_functions');
alter table public.event_outbox alter column event_id drop default;
select public.fn_iu_module_drop('iu-core', '070_functions');

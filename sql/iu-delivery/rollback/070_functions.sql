-- Undoes 070: drops the functions of live delivery, and makes the installing role the owner of its tables.
select public.fn_iu_step_forget('iu-delivery', '070_functions');
select public.fn_iu_module_drop('iu-delivery', '070_functions');

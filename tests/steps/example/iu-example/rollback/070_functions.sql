-- Undoes 070: drops the functions of the module.
select public.fn_iu_step_forget('iu-example', '070_functions');
select public.fn_iu_module_drop('iu-example', '070_functions');

select public.fn_iu_object_declare('iu-core', 'table', 'public.dot_config', 'state');
select public.fn_iu_object_declare('iu-core', 'table', 'public.dot_config_history', 'record');

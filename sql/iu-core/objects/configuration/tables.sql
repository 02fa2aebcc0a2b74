select public.fn_iu_object_declare('iu-core', 'table', 'public.iu_config_history', 'record');

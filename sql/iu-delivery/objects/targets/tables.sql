select public.fn_iu_object_declare('iu-delivery', 'table', 'public.iu_delivery_target', 'rule');
select public.fn_iu_object_declare('iu-delivery', 'table', 'public.iu_delivery_target_version', 'record');
select public.fn_iu_object_declare('iu-delivery', 'table', 'public.iu_delivery_target_state', 'state');
select public.fn_iu_object_declare('iu-delivery', 'table', 'public.iu_delivery_target_sender', 'rule');
select public.fn_iu_object_declare('iu-delivery', 'table', 'public.iu_delivery_target_test', 'record');
select public.fn_iu_object_declare('iu-delivery', 'table', 'public.iu_delivery_target_history', 'record');

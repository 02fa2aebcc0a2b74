select public.fn_iu_object_declare('iu-delivery', 'table', 'public.iu_delivery_plan', 'record');
select public.fn_iu_object_declare('iu-delivery', 'table', 'public.iu_delivery_plan_entry', 'record');
select public.fn_iu_object_declare('iu-delivery', 'table', 'public.iu_delivery_plan_state', 'state');
select public.fn_iu_object_declare('iu-delivery', 'table', 'public.iu_delivery_plan_subject', 'state');

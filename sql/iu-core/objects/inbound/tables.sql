select public.fn_iu_object_declare('iu-core', 'table', 'public.iu_inbound_capture', 'record');
select public.fn_iu_object_declare('iu-core', 'table', 'public.iu_inbound_route', 'rule');
select public.fn_iu_object_declare('iu-core', 'table', 'public.iu_sql_link', 'subject');

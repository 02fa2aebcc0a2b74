select public.fn_iu_object_declare('iu-core', 'table', 'public.iu_audit_name', 'record');
select public.fn_iu_object_declare('iu-core', 'table', 'public.iu_outbound_route', 'rule');
select public.fn_iu_object_declare('iu-core', 'table', 'public.iu_outbound_route_version', 'record');

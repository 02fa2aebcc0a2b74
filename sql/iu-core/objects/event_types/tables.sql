select public.fn_iu_object_declare('iu-core', 'table', 'public.event_type_registry', 'registry');

select public.fn_iu_object_declare('iu-core', 'table', 'public.iu_route_dead_letter', 'state');

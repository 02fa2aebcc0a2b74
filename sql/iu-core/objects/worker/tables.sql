select public.fn_iu_object_declare('iu-core', 'table', 'public.iu_route_batch', 'record');
select public.fn_iu_object_declare('iu-core', 'table', 'public.iu_route_worker_cursor', 'state');
select public.fn_iu_object_declare('iu-core', 'table', 'public.iu_route_worker_seek', 'record');

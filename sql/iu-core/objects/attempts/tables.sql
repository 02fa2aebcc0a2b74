select public.fn_iu_object_declare('iu-core', 'table', 'public.iu_route_attempt_log', 'record');
select public.fn_iu_object_declare('iu-core', 'table', 'public.iu_route_attempt_tally', 'state');
select public.fn_iu_object_declare('iu-core', 'type', 'public.iu_attempts_request', 'internal');
select public.fn_iu_object_declare('iu-core', 'type', 'public.iu_attempt', 'internal');

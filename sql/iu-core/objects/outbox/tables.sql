select public.fn_iu_object_declare('iu-core', 'table', 'public.event_outbox', 'record');
select public.fn_iu_object_declare('iu-core', 'table', 'public.event_outbox_cluster', 'state');

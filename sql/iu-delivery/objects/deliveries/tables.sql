select public.fn_iu_object_declare('iu-delivery', 'table', 'public.iu_delivery', 'state');
select public.fn_iu_object_declare('iu-delivery', 'table', 'public.iu_delivery_route', 'state');
select public.fn_iu_object_declare('iu-delivery', 'table', 'public.iu_delivery_shard', 'state');
select public.fn_iu_object_declare('iu-delivery', 'table', 'public.iu_delivery_batch', 'record');
select public.fn_iu_object_declare('iu-delivery', 'table', 'public.iu_delivery_ledger', 'record');
select public.fn_iu_object_declare('iu-delivery', 'table', 'public.iu_delivery_claim', 'record');
select public.fn_iu_object_declare('iu-delivery', 'table', 'public.iu_delivery_outcome', 'record');
select public.fn_iu_object_declare('iu-delivery', 'table', 'public.iu_delivery_decision', 'record');
select public.fn_iu_object_declare('iu-delivery', 'type', 'public.iu_delivery_report', 'internal');
select public.fn_iu_object_declare(
    'iu-delivery', 'table', 'public.iu_delivery_retention_history', 'record'
);

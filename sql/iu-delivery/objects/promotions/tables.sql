select public.fn_iu_object_declare('iu-delivery', 'table', 'public.iu_evidence_pack', 'record');
select public.fn_iu_object_declare('iu-delivery', 'table', 'public.iu_delivery_rehearsal', 'record');
select public.fn_iu_object_declare('iu-delivery', 'table', 'public.iu_promotion_threshold', 'state');
select public.fn_iu_object_declare('iu-delivery', 'table', 'public.iu_promotion_threshold_change', 'record');
select public.fn_iu_object_declare(
    'iu-delivery', 'table', 'public.iu_promotion_threshold_decision', 'record'
);
select public.fn_iu_object_declare('iu-delivery', 'table', 'public.iu_route_promotion', 'record');
select public.fn_iu_object_declare('iu-delivery', 'table', 'public.iu_route_promotion_decision', 'record');

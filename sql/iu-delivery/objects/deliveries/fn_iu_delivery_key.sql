create or replace function public.fn_iu_delivery_key(event_id uuid, route_no int)
returns text
language sql immutable parallel safe
return 'evt_' || replace(cast(event_id as text), '-', '') || '_' || cast(route_no as text);
comment on function public.fn_iu_delivery_key(uuid, int) is
'The key of a delivery, evt_<event id in hex>_<route number>: the same for each try, so that a receiver can
recognize a duplicate. The body is bound at creation and inlined.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_key(uuid, int)', 'internal'
);

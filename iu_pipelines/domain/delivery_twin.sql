-- The SQL of delivery_twin.py.

-- name: is_installed
select exists(
    select 1
    from public.iu_schema_object as o
    where o.module = 'iu-delivery' and o.object = 'public.fn_iu_delivery_twin(text, integer)'
) as installed;

-- name: compare
select would, did, deliveries, first_event_id
from public.fn_iu_delivery_twin(%(route_code)s, %(newest)s::int)
order by would, did;

-- The SQL of deliveries.py.

-- name: is_installed
select exists(
    select 1
    from public.iu_schema_object as o
    where o.module = 'iu-delivery' and o.object = 'public.fn_iu_delivery_misfit(integer)'
) as installed;

-- name: misfit
select public.fn_iu_delivery_misfit(%(newest)s::int) as fault;

-- name: chains
select public.fn_iu_delivery_chain_verify(%(newest)s::bigint) as answer;

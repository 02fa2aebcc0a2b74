create or replace function public.fn_iu_delivery_route_hold(route_no int, reason text)
returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
begin
    update public.iu_delivery_route as r
    set held_reason = coalesce(r.held_reason, reason), held_since = coalesce(r.held_since, clock_timestamp())
    where r.route_no = fn_iu_delivery_route_hold.route_no;
end
$$;
comment on function public.fn_iu_delivery_route_hold(int, text) is
'Holds a live route until a new promotion is approved; the first reason is kept. The caller holds the lock of
the state of its target.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_route_hold(int, text)', 'internal'
);

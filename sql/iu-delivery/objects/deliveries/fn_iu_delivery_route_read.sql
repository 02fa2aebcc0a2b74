create or replace function public.fn_iu_delivery_route_read(route_code text)
returns public.iu_delivery_route
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    v_route public.iu_delivery_route;
begin
    perform public.fn_iu_argument_require('route_code', route_code, 100);
    select r.* into v_route
    from public.iu_audit_name as n
    inner join public.iu_delivery_route as r on r.route_no = n.name_no
    where n.name = fn_iu_delivery_route_read.route_code;
    if v_route.route_no is null and not exists (
        select from public.iu_outbound_route as r where r.route_code = fn_iu_delivery_route_read.route_code
    ) then
        raise exception 'unknown route %', quote_literal(route_code) using
            errcode = 'IU104', hint = 'List the routes with: iu route list';
    end if;
    return v_route;
end
$$;
comment on function public.fn_iu_delivery_route_read(text) is
'The row of iu_delivery_route of a route; null if the route exists and was never promoted. Raises IU104 if the
code is malformed or unknown.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_route_read(text)', 'internal'
);

create or replace function public.fn_iu_delivery_plan_routes(
    kind text, filter jsonb, out routes int[], out target_no int
)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    v_route public.iu_delivery_route;
begin
    if filter ? 'target' then
        target_no := (public.fn_iu_target_require(filter ->> 'target')).target_no;
    end if;
    if filter ? 'route_code' then
        v_route := public.fn_iu_delivery_route_read(filter ->> 'route_code');
    elsif kind = 'drain' and target_no is null then
        raise exception 'a drain without a target or a route' using
            errcode = 'IU104', hint = 'Give target or route_code in the filter: a drain has one target.';
    end if;
    routes := array(
        select r.route_no from public.iu_delivery_route as r
        where r.target_no = coalesce(fn_iu_delivery_plan_routes.target_no, r.target_no)
            and (r.route_no = v_route.route_no or not filter ? 'route_code')
        order by r.route_no
    );
    target_no := case when kind = 'drain' then coalesce(target_no, v_route.target_no) end;
end
$$;
comment on function public.fn_iu_delivery_plan_routes(text, jsonb) is
'The routes that the filter of a plan names, and the target of a drain. Raises IU104 for an unknown route, or
for a drain that names neither a route nor a target; IU603 for an unknown target.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_plan_routes(text, jsonb)', 'internal'
);

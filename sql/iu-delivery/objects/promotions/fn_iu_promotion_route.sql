create or replace function public.fn_iu_promotion_route(
    route_code text, out route public.iu_outbound_route, out target public.iu_delivery_target
)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    v_live constant public.iu_delivery_route := public.fn_iu_delivery_route_read(route_code);
begin
    select r.* into route from public.iu_outbound_route as r
    where r.route_code = fn_iu_promotion_route.route_code;
    select t.* into target from public.iu_delivery_target as t where t.target_name = route.target_ref;
    if route.route_code is null then
        perform public.fn_iu_promotion_refuse('route', 'a route that was removed', 'an enabled one');
    elsif not route.enabled then
        perform public.fn_iu_promotion_refuse('route', 'a disabled route', 'an enabled one');
    elsif target.target_no is null then
        perform public.fn_iu_promotion_refuse('target', 'no target ' || route.target_ref, 'a target');
    elsif not target.enabled then
        perform public.fn_iu_promotion_refuse('target', 'a disabled target', 'an enabled one');
    elsif not public.fn_iu_target_kind_fits(route.target_kind, target.kind) then
        perform public.fn_iu_promotion_refuse('target', 'kind ' || target.kind, 'kind ' || route.target_kind);
    elsif v_live.event_type <> route.event_type then
        perform public.fn_iu_promotion_refuse('event_type', route.event_type, v_live.event_type);
    elsif v_live.event_domain <> (
        select e.event_domain from public.event_type_registry as e where e.event_type = route.event_type
    ) then
        perform public.fn_iu_promotion_refuse('event_type', 'another domain', v_live.event_domain);
    end if;
end
$$;
comment on function public.fn_iu_promotion_route(text) is
'A route that may be promoted, and its target. Raises IU104 for an unknown route; IU205 if the route was
removed, if it or the target is disabled, if there is no target of its name and kind, or if the event type or
its domain is not that of an earlier promotion of the route, whose cursor it would continue. Read-only.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_promotion_route(text)', 'internal'
);

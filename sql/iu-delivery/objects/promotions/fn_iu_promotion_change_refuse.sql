create or replace function public.fn_iu_promotion_change_refuse(
    given public.iu_route_promotion, route public.iu_outbound_route, target public.iu_delivery_target,
    evidence jsonb
)
returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    v_live public.iu_delivery_route;
    v_queue record;
    v_change text;
begin
    select r.* into v_live from public.iu_delivery_route as r where r.route_no = given.route_no;
    v_queue := public.fn_iu_promotion_queue(given.route_no);
    -- While a route is live, what it delivers changes its queue; that is no change of the plan.
    v_change := case
        when route.route_version <> given.route_version then 'the route'
        when target.target_version <> given.target_version then 'the target'
        when public.fn_iu_promotion_configuration(route.event_type) <> given.configuration_hash
            then 'the event type or a capture'
        when (select c.system_identifier from pg_control_system() as c) <> given.system_identifier
            or (public.fn_iu_cluster_newest()).anchor_key is distinct from given.anchor_key then 'the cluster'
        when evidence -> 'last_decision_no' <> given.evidence -> 'last_decision_no'
            then 'the promotion that was in force'
        when evidence ->> 'pack_no' <> given.evidence ->> 'pack_no'
            and (evidence ->> 'pack_passed')::boolean is not true
            then 'the evidence pack, and it is not passed'
        when (v_queue.deliveries, v_queue.plan_hash) is distinct from (given.queued_count, given.queued_hash)
            and (given.queued = 'discard' or coalesce(
                public.fn_iu_promotion_refusal(v_live, (
                    select p.deployment from public.iu_route_promotion as p
                    where p.promotion_no = v_live.promotion_no
                )), 'not_promoted'
            ) <> 'not_promoted')
            then format('the queue (%s deliveries, then %s)', v_queue.deliveries, given.queued_count)
    end;
    if v_change is not null then
        raise exception 'promotion % cannot be approved: % changed since it was proposed',
            given.promotion_no, v_change using
            errcode = 'IU206',
            hint = 'Read what changed, and propose the promotion again with: iu promote propose';
    end if;
end
$$;
comment on function public.fn_iu_promotion_change_refuse(
    public.iu_route_promotion, public.iu_outbound_route, public.iu_delivery_target, jsonb
) is
'Raises IU206 if what a promotion was proposed about has changed: the versions of route and target, the event
type and its captures, the cluster, the promotion in force, a newer pack that is not passed, or the queue, if
it is to be discarded or the route is held. Read-only.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function',
    'public.fn_iu_promotion_change_refuse(public.iu_route_promotion, public.iu_outbound_route, '
    'public.iu_delivery_target, jsonb)', 'internal'
);

create or replace function public.fn_iu_promotion_misfit(
    given public.iu_delivery_route, promotion public.iu_route_promotion, route_version int,
    target_version int, configuration bytea, cluster text, deployment text, now_at timestamptz
)
returns text
language sql immutable parallel safe
return (
    case
        when (given).route_no is null then 'not_promoted'
        when (given).held_reason is not null then (given).held_reason
        when (given).expires_at <= now_at then 'promotion_expired'
        when route_version is distinct from (promotion).route_version then 'route_changed'
        when target_version is distinct from (promotion).target_version then 'target_changed'
        when configuration is distinct from (promotion).configuration_hash then 'event_type_changed'
        when
            cluster is distinct from
            cast((promotion).system_identifier as text) || '/' || cast((promotion).anchor_key as text)
            then 'cluster_changed'
        when deployment is distinct from (promotion).deployment then 'other_deployment'
    end
);
comment on function public.fn_iu_promotion_misfit(
    public.iu_delivery_route, public.iu_route_promotion, int, int, bytea, text, text, timestamptz
) is
'Why a promotion is not valid, in one word; null if it is: not_promoted, demoted or another held_reason,
promotion_expired, route_changed, target_changed, event_type_changed, cluster_changed, other_deployment. The
arguments are what holds at now_at: the versions of the route and the target, fn_iu_promotion_configuration,
fn_iu_promotion_anchor, and what the session presents. The body is bound at creation and inlined.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function',
    'public.fn_iu_promotion_misfit(public.iu_delivery_route, public.iu_route_promotion, int, int, bytea, '
    'text, text, timestamptz)',
    'internal'
);

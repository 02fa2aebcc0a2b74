create or replace function public.fn_iu_promotion_refusal(given public.iu_delivery_route, deployment text)
returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
begin
    return (
        select case
            when given.route_no is null then 'not_promoted'
            when given.held_reason is not null then given.held_reason
            when given.expires_at <= clock_timestamp() then 'promotion_expired'
            when r.route_version is distinct from p.route_version then 'route_changed'
            when t.target_version is distinct from p.target_version then 'target_changed'
            when public.fn_iu_promotion_configuration(given.event_type) is distinct from p.configuration_hash
                then 'event_type_changed'
            when c.system_identifier <> p.system_identifier or a.anchor_key is distinct from p.anchor_key
                then 'cluster_changed'
            when (select s.difference is not null from public.fn_iu_cluster_state(null) as s)
                then 'cluster_changed'
            when deployment is distinct from p.deployment then 'other_deployment'
        end
        from pg_control_system() as c
        left join public.event_outbox_cluster as a
            on a.anchor_no = (select max(k.anchor_no) from public.event_outbox_cluster as k)
        left join public.iu_route_promotion as p on p.promotion_no = given.promotion_no
        left join public.iu_outbound_route as r on r.route_no = given.route_no and r.enabled
        left join public.iu_delivery_target as t on t.target_no = given.target_no
    );
end
$$;
comment on function public.fn_iu_promotion_refusal(public.iu_delivery_route, text) is
'Why the promotion of a live route is not valid now, in one word; null if it is. deployment is what the caller
presents. The words are: not_promoted, demoted, promotion_expired, route_changed, target_changed,
event_type_changed, cluster_changed, other_deployment. Read-only.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_promotion_refusal(public.iu_delivery_route, text)', 'internal'
);

create or replace function public.fn_iu_promotion_list()
returns table (
    promotion_no int, route_code text, target_name text, state text, reason text, proposed_by text,
    proposed_at timestamptz, share numeric, max_per_minute int, max_failure_share numeric,
    valid_for interval, deployment text, queued text, queued_count bigint, start_position text,
    evidence jsonb, decided_by text, decided_at timestamptz, decision_reason text, expires_at timestamptz,
    held_reason text, demoted_by text, demoted_at timestamptz, demotion_reason text,
    demoted_automatically boolean
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
#variable_conflict use_column
declare
    v_anchor_key constant text := (public.fn_iu_cluster_newest()).anchor_key::text;
begin
    return query
    select p.promotion_no, p.route_code, t.target_name, case
            when d.decision is null and (
                (p.evidence ->> 'last_decision_no')::int
                is distinct from public.fn_iu_promotion_last_decision(p.route_no)
                or (p.route_version, p.target_version, p.configuration_hash, p.anchor_key::text)
                is distinct from (
                    o.route_version, t.target_version, public.fn_iu_promotion_configuration(o.event_type),
                    v_anchor_key
                )
            ) then 'outdated'
            when d.decision is null then 'proposed'
            when d.decision = 'reject' then 'rejected'
            when x.promotion_no is not null then 'demoted'
            when l.promotion_no <> p.promotion_no then 'replaced'
            when k.held is not null then 'held'
            else 'live'
        end, p.reason, p.proposed_by, p.proposed_at, p.share, p.max_per_minute, p.max_failure_share,
        p.valid_for, p.deployment, p.queued, p.queued_count, p.start_position, p.evidence, d.decided_by,
        d.decided_at, d.reason, case when l.promotion_no = p.promotion_no then l.expires_at end, k.held,
        x.decided_by, x.decided_at, x.reason, x.automatic
    from public.iu_route_promotion as p
    left join public.iu_delivery_target as t on t.target_no = p.target_no
    left join public.iu_outbound_route as o on o.route_no = p.route_no
    left join public.iu_route_promotion_decision as d
        on d.promotion_no = p.promotion_no and d.decision <> 'demote'
    left join public.iu_route_promotion_decision as x
        on x.promotion_no = p.promotion_no and x.decision = 'demote'
    left join public.iu_delivery_route as l on l.route_no = p.route_no
    left join lateral (
        select public.fn_iu_promotion_refusal(l, p.deployment) as held
        where l.promotion_no = p.promotion_no and d.decision = 'approve'
    ) as k on true
    order by p.promotion_no;
end
$$;
comment on function public.fn_iu_promotion_list() is
'All promotions with what was proposed, on which evidence, and who decided. state is proposed, outdated (a
proposal that cannot be approved, because the route, the target, the event type, a capture, the cluster or the
promotion in force changed), rejected, live, held (held_reason is a word of fn_iu_promotion_refusal), demoted,
or replaced by a later one. The last columns are those of a demotion; demoted_automatically: by the outcomes
that a sender recorded. Read-only.';
select public.fn_iu_object_declare('iu-delivery', 'function', 'public.fn_iu_promotion_list()', 'explain');

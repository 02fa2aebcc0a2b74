create or replace function public.fn_iu_route_promotion_propose(
    route_code text, share numeric, max_per_minute int, max_failure_share numeric, valid_for interval,
    deployment text, queued text, reason text, start_position text default 'latest'
)
returns jsonb
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
#variable_conflict use_variable
declare
    v_found record;
    v_route public.iu_outbound_route;
    v_target public.iu_delivery_target;
    v_given public.iu_route_promotion;
    v_passed_over bigint := 0;
begin
    perform public.fn_iu_login_require('workflow_admin', 'IU205');
    perform public.fn_iu_delivery_isolation_require();
    v_found := public.fn_iu_promotion_route(route_code);
    v_route := v_found.route;
    v_target := v_found.target;
    v_given.route_no := v_route.route_no;
    v_given.route_code := route_code;
    v_given.route_version := v_route.route_version;
    v_given.target_no := v_target.target_no;
    v_given.target_version := v_target.target_version;
    v_given.configuration_hash := public.fn_iu_promotion_configuration(v_route.event_type);
    v_given.max_per_minute := max_per_minute;
    v_given.valid_for := valid_for;
    v_given.deployment := deployment;
    v_given.queued := queued;
    v_given.start_position := start_position;
    v_given.reason := reason;
    v_given.proposed_by := session_user;
    v_given.proposed_at := clock_timestamp();
    perform public.fn_iu_promotion_terms_require(v_given, share, max_failure_share);
    -- In seconds, because a month may have 31 days.
    v_given.valid_for := make_interval(secs => extract(epoch from valid_for)::double precision);
    v_given.share := share;
    v_given.max_failure_share := max_failure_share;
    v_given := public.fn_iu_promotion_cluster(v_given);
    v_given.evidence := public.fn_iu_promotion_evidence(v_route, v_target);
    perform public.fn_iu_promotion_evidence_require(v_given.evidence, v_given.valid_for);
    select q.deliveries, q.plan_hash into v_given.queued_count, v_given.queued_hash
    from public.fn_iu_promotion_queue(v_route.route_no) as q;
    if start_position <> 'beginning' and not exists (
        select from public.iu_delivery_route as r where r.route_no = v_route.route_no
    ) then
        v_passed_over := (
            select count(*) from public.event_outbox as o
            where o.event_type = v_route.event_type and (start_position = 'latest' or o.event_seq <= (
                select e.event_seq from public.event_outbox as e
                where e.event_id = nullif(start_position, 'latest')::uuid
            ))
        );
    end if;
    lock table public.iu_route_promotion in share row exclusive mode;
    v_given.promotion_no := nextval('public.iu_route_promotion_promotion_no_seq');
    insert into public.iu_route_promotion overriding system value select v_given.*;
    return jsonb_build_object(
        'status', 'proposed', 'promotion_no', v_given.promotion_no, 'route_code', route_code,
        'queued_count', v_given.queued_count, 'evidence', v_given.evidence, 'passed_over', v_passed_over
    );
end
$$;
comment on function public.fn_iu_route_promotion_propose(
    text, numeric, int, numeric, interval, text, text, text, text
) is
'Proposes to deliver the events of a route, with what the database itself counts as evidence. Nothing is
delivered until another login approves it. start_position is where a first promotion begins: latest,
beginning, or an event id to continue after. Returns {"status": "proposed", "promotion_no", "route_code",
"queued_count", "evidence", "passed_over"}; passed_over is how many events a first promotion would pass over
if it were approved now. Raises IU104; IU205, which names the rule, the value seen and the value needed,
also for a superuser or a member of iu_owner; IU303. Reads all attempts and events once. Proposals are made
one after the other.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function',
    'public.fn_iu_route_promotion_propose('
    'text, numeric, int, numeric, interval, text, text, text, text)', 'propose'
);

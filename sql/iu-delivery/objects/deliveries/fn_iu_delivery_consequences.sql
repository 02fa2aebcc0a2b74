-- enable_seqscan, enable_hashjoin and enable_mergejoin off: each route and promotion is one probe (decision
-- 011).
create or replace function public.fn_iu_delivery_consequences(
    given public.iu_delivery_target, reports public.iu_delivery_report[]
)
returns int
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
    v_state public.iu_delivery_target_state := public.fn_iu_target_state_lock(given.target_no);
    v_count record;
    v_route record;
    v_demoted int := 0;
begin
    select count(*) filter (where r.decision = 'sent') as sent, count(*) filter (
        where r.decision <> 'sent' and not r.local_fault
            and (r.status_code is null or r.status_code = 429 or r.status_code >= 500)
    ) as faults
    into v_count from unnest(reports) as r where not r.is_known;
    v_state := public.fn_iu_target_breaker(v_state, v_count.sent::int, v_count.faults::int);
    perform public.fn_iu_target_state_store(v_state);
    for v_route in
        select c.route_no, case
            when c.is_gone then 'the target answered 410'
            when v_state.half_open_failures >= 10 then 'the breaker let ten deliveries through that failed'
            else format('%s of the last %s outcomes failed', c.failed_outcomes, c.outcomes)
        end as reason
        from public.fn_iu_delivery_outcomes_count(reports, v_state.breaker = 'closed') as c
        inner join public.iu_route_promotion as p on p.promotion_no = c.promotion_no
        where c.held_reason is null and (
            c.is_gone or v_state.half_open_failures >= 10
            or (c.outcomes >= 20 and c.failed_outcomes > c.outcomes * p.max_failure_share)
        )
        order by c.route_no
    loop
        perform public.fn_iu_route_demote_apply(v_route.route_no, v_route.reason, true);
        v_demoted := v_demoted + 1;
    end loop;
    return v_demoted;
end
$$;
comment on function public.fn_iu_delivery_consequences(
    public.iu_delivery_target, public.iu_delivery_report[]
) is
'What outcomes mean for the target and its routes: moves the breaker, counts failures, and demotes a route
whose share of failures exceeds that of its promotion, after 20 outcomes or more, after a 410, or after ten
failures of a half-open breaker. A target that was away ends no promotion (fn_iu_delivery_unanswered).
Outcomes of claims under an earlier promotion do not count. Returns the number of demoted routes. Locks the
state of the target, then the routes.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function',
    'public.fn_iu_delivery_consequences(public.iu_delivery_target, public.iu_delivery_report[])', 'internal'
);

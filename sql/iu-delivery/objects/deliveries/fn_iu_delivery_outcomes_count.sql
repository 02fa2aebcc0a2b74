-- enable_seqscan, enable_hashjoin and enable_mergejoin off: each route is one probe (decision 011).
create or replace function public.fn_iu_delivery_outcomes_count(
    reports public.iu_delivery_report[], is_closed boolean
)
returns table (
    route_no int, promotion_no int, held_reason text, outcomes int, failed_outcomes int, is_gone boolean
)
language plpgsql volatile rows 10
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
#variable_conflict use_column
begin
    return query with told as (
        select r.route_no, count(*) filter (where r.decision = 'sent') as sent,
            count(*) filter (where f.counts and not f.unanswered) as outcomes,
            count(*) filter (where f.counts and not f.unanswered and r.decision <> 'sent') as failed,
            count(*) filter (where f.counts and f.unanswered) as unanswered,
            coalesce(bool_or(f.counts and r.status_code = 410), false) as is_gone
        from unnest(reports) as r
        inner join public.iu_delivery_route as k on k.route_no = r.route_no
        cross join lateral (
            select not r.local_fault and r.promotion_no = k.promotion_no as counts,
                r.decision = 'retry' and r.status_code is null as unanswered
        ) as f
        where not r.is_known
        group by r.route_no
    ),

    counted as (
        update public.iu_delivery_route as d
        set sent = d.sent + t.sent,
            outcomes = (d.outcomes + t.outcomes + t.late)
            / case when d.outcomes + t.outcomes + t.late >= 200 then 2 else 1 end,
            failed_outcomes = (d.failed_outcomes + t.failed + t.late)
            / case when d.outcomes + t.outcomes + t.late >= 200 then 2 else 1 end,
            unanswered = case
                when not is_closed then 0
                else d.unanswered - t.late + t.unanswered
            end,
            unanswered_since = case
                when not is_closed or d.unanswered - t.late + t.unanswered = 0 then null
                when t.late > 0 or d.unanswered = 0 then clock_timestamp()
                else d.unanswered_since
            end
        from (
            select told.*, public.fn_iu_delivery_unanswered(
                k::public.iu_delivery_route, told.sent, is_closed
            ) as late
            from told inner join public.iu_delivery_route as k on k.route_no = told.route_no
            order by told.route_no
        ) as t
        where d.route_no = t.route_no
        returning d.route_no, d.promotion_no, d.held_reason, d.outcomes, d.failed_outcomes, t.is_gone
    )

    select c.route_no, c.promotion_no, c.held_reason, c.outcomes, c.failed_outcomes, c.is_gone
    from counted as c;
end
$$;
comment on function public.fn_iu_delivery_outcomes_count(public.iu_delivery_report[], boolean) is
'Counts outcomes that were not known for their routes, and returns the counts of each: outcomes and failures
under its promotion, and whether the target answered 410. is_closed: whether the breaker is closed after these
outcomes. Sends without an answer count later, and not at all if the breaker opens
(fn_iu_delivery_unanswered). Outcomes of claims under an earlier promotion, and local faults, do not count.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function',
    'public.fn_iu_delivery_outcomes_count(public.iu_delivery_report[], boolean)', 'internal'
);

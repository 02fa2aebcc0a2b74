-- enable_seqscan, enable_bitmapscan and enable_sort off: rows are read by their indexes until there are
-- enough, so that the cost does not depend on the queue (decision 072).
create or replace function public.fn_iu_delivery_status()
returns table (
    target text, kind text, routes bigint, queued bigint, in_flight bigint, in_doubt bigint, retry bigint,
    held bigint, parked bigint, dead bigint, counts_capped boolean, held_reasons text[], max_per_minute int,
    breaker text, breaker_retry_at timestamptz, oldest_at timestamptz, next_due_at timestamptz,
    dead_in_doubt bigint
)
language sql stable security definer rows 10
set search_path = pg_catalog, pg_temp
set row_security = off
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
as $$
    select t.target_name, t.kind, r.routes, n.queued, n.in_flight, n.in_doubt, n.retry, n.held, n.parked,
        n.dead, n.capped, r.held_reasons, t.max_per_minute, s.breaker, s.retry_at, r.oldest_at, n.next_due_at,
        n.dead_in_doubt
    from public.iu_delivery_target as t
    inner join public.iu_delivery_target_state as s on s.target_no = t.target_no
    cross join lateral (
        select count(*) as routes, array_agg(j.route_no) as route_nos, array_agg(j.refusal) as refusals,
            array_agg(distinct j.refusal) filter (where j.refusal is not null) as held_reasons,
            min(q.queued_at) as oldest_at
        from (
            -- Once for each route, because of offset 0: a moment later a rate may refuse no longer.
            select d.route_no, public.fn_iu_delivery_refusal(d) as refusal
            from public.iu_delivery_route as d
            where d.target_no = t.target_no offset 0
        ) as j
        left join lateral (
            select d.queued_at from public.iu_delivery as d
            where d.route_no = j.route_no order by d.event_seq limit 1
        ) as q on true
    ) as r
    cross join lateral public.fn_iu_delivery_counts(r.route_nos, r.refusals) as n
    order by t.target_name
$$;
comment on function public.fn_iu_delivery_status() is
'One row for each target: its deliveries by state (fn_iu_delivery_queue_state), why its routes are held, its
rate and breaker, when the first of its queue was queued, when the first retry that is not due yet will be
(next_due_at; null: there is none, or its route is held), and how many of the dead letters may have arrived
(dead_in_doubt). At most 1,000 deliveries of each sort are counted (heads that are due, heads that are not,
waiting ones, dead letters); counts_capped: there are more. So the cost does not depend on the queue.
Read-only.';
select public.fn_iu_object_declare('iu-delivery', 'function', 'public.fn_iu_delivery_status()', 'explain');

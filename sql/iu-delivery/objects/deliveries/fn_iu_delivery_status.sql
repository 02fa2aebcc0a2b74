-- enable_seqscan, enable_bitmapscan and enable_sort off: rows are read by their indexes until there are
-- enough, so that the cost does not depend on the queue (decision 072).
create or replace function public.fn_iu_delivery_status()
returns table (
    target text, kind text, routes bigint, queued bigint, in_flight bigint, in_doubt bigint, retry bigint,
    held bigint, parked bigint, dead bigint, counts_capped boolean, held_reasons text[], max_per_minute int,
    breaker text, breaker_retry_at timestamptz, oldest_at timestamptz
)
language sql stable security definer rows 10
set search_path = pg_catalog, pg_temp
set row_security = off
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
as $$
    select t.target_name, t.kind, count(r.route_no), n.queued, n.in_flight, n.in_doubt, n.retry, n.held,
        n.parked, n.dead, n.capped, array_agg(distinct r.refusal) filter (where r.refusal is not null),
        t.max_per_minute, s.breaker, s.retry_at, min(q.queued_at)
    from public.iu_delivery_target as t
    inner join public.iu_delivery_target_state as s on s.target_no = t.target_no
    cross join lateral public.fn_iu_delivery_counts(t.target_no) as n
    left join lateral (
        select d.route_no, public.fn_iu_delivery_refusal(d) as refusal from public.iu_delivery_route as d
        where d.target_no = t.target_no
    ) as r on true
    left join lateral (
        select d.queued_at from public.iu_delivery as d
        where d.route_no = r.route_no order by d.event_seq limit 1
    ) as q on true
    group by t.target_no, t.target_name, t.kind, t.max_per_minute, s.breaker, s.retry_at, n.queued,
        n.in_flight, n.in_doubt, n.retry, n.held, n.parked, n.dead, n.capped
    order by t.target_name
$$;
comment on function public.fn_iu_delivery_status() is
'One row for each target: its deliveries by state (fn_iu_delivery_queue_state), why its routes are held, its
rate and breaker, and when the first of its queue was queued. At most 1,000 deliveries of each sort are
counted (heads that are due, heads that are not, waiting ones, dead letters); counts_capped: there are more.
So the cost does not depend on the queue. Read-only.';
select public.fn_iu_object_declare('iu-delivery', 'function', 'public.fn_iu_delivery_status()', 'explain');

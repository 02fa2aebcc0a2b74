-- enable_seqscan, enable_bitmapscan and enable_sort off: rows are read by their indexes until there are
-- enough, so that the cost does not depend on the queue (decision 072).
create or replace function public.fn_iu_delivery_unclaimed(
    route_no int, most int, out deliveries bigint, out is_capped boolean, out oldest_at timestamptz
)
language sql stable
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
as $$
    with parking as materialized (
        select exists (
            select from public.iu_delivery as d
            where d.route_no = fn_iu_delivery_unclaimed.route_no and d.dead_at is not null and d.is_head
        ) as is_there
    ),

    head as (
        select h.queued_at, h.claim_id is null or h.due_at <= clock_timestamp() as is_unclaimed
        from public.iu_delivery as h
        where (h.route_no * 1) = fn_iu_delivery_unclaimed.route_no and h.is_head and h.dead_at is null
        order by h.due_at limit most + 1
    ),

    waiting as (
        select w.queued_at, w.dead_at is null and not (
            p.is_there and exists (
                -- Not in the condition, so that the index of heads is used and not that of dead letters.
                select from public.iu_delivery as h
                where (h.route_no + 0) = w.route_no and h.subject = w.subject and h.is_head
                    and coalesce(h.dead_at, 'infinity') < 'infinity'
            )
        ) as is_unclaimed
        from parking as p
        cross join lateral (
            select d.* from public.iu_delivery as d
            where (d.route_no + 0) = fn_iu_delivery_unclaimed.route_no and not d.is_head
            order by d.subject, d.subject_no limit most + 1
        ) as w
    )

    select least(c.deliveries, most), c.heads > most or c.others > most or c.deliveries > most, c.oldest_at
    from (
        select count(*) filter (where q.is_unclaimed) as deliveries,
            count(*) filter (where q.is_head) as heads, count(*) filter (where not q.is_head) as others,
            min(q.queued_at) filter (where q.is_unclaimed) as oldest_at
        from (
            select h.*, true as is_head from head as h
            union all
            select w.*, false from waiting as w
        ) as q
    ) as c
$$;
comment on function public.fn_iu_delivery_unclaimed(int, int) is
'How many deliveries of a route wait for a claim (queued, held, retry and in doubt; neither in flight, nor
dead, nor parked), and when the oldest of those that were counted was queued. At most `most` heads and as many
other deliveries are read; is_capped: there are more. Read-only.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_unclaimed(int, int)', 'internal'
);

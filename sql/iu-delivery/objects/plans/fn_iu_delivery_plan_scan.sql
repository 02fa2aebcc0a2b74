-- enable_seqscan, enable_bitmapscan and enable_sort off: each subject is a few probes of indexes (decision
-- 011).
create or replace function public.fn_iu_delivery_plan_scan(
    plan_no int, after_place int, last_place int, routes int[], shards smallint[], most int,
    now_at timestamptz,
    out subjects int, out places tid[], out finished int[], out first_left int, out next_place int
)
language sql stable
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
as $$
    with subject as materialized (
        select s.* from public.iu_delivery_plan_subject as s
        where s.plan_no = fn_iu_delivery_plan_scan.plan_no
            and s.place > after_place and s.place <= last_place
        order by s.place limit 500
    ),

    probed as materialized (
        select s.place, h.position, last.is_there is null as is_finished, coalesce(
            h.due_at <= now_at and h.dead_at is null
            and s.route_no = any (routes) and s.shard = any (shards) and named.is_named, false
        ) as is_claimable
        from subject as s
        left join lateral (
            select true as is_there from public.iu_delivery as d
            where d.route_no = s.route_no and d.event_seq = s.last_seq limit 1
        ) as last on true
        left join lateral (
            select d.ctid as position, d.event_seq, d.due_at, d.dead_at from public.iu_delivery as d
            where (d.route_no + 0) = s.route_no and d.subject = s.subject and d.is_head limit 1
        ) as h on true
        left join lateral (
            select true as is_named from public.iu_delivery_plan_entry as e
            where e.plan_no = s.plan_no and e.route_no = s.route_no and e.event_seq = h.event_seq limit 1
        ) as named on true
        order by s.place
    ),

    kept as materialized (
        select p.* from (
            select q.*, count(*) filter (where q.is_claimable) over (order by q.place) as claimable
            from probed as q
        ) as p
        where p.claimable - p.is_claimable::int < most
    )

    select (select count(*) from subject)::int, array_agg(k.position) filter (where k.is_claimable),
        array_agg(k.place) filter (where k.is_finished),
        min(k.place) filter (where not k.is_finished), max(k.place)
    from kept as k
$$;
comment on function public.fn_iu_delivery_plan_scan(
    int, int, int, int[], smallint[], int, timestamptz
) is
'The next subjects of a drain between two places, at most 500: their number, the places (ctid) of at most
`most` of their heads that the plan names and that are due, in routes and shards; which of the subjects have
no entry left, the first of the others, and how far they were looked at. Read-only.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function',
    'public.fn_iu_delivery_plan_scan(int, int, int, int[], smallint[], int, timestamptz)', 'internal'
);

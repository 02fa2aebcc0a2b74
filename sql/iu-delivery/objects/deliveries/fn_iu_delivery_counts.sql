-- enable_seqscan, enable_bitmapscan and enable_sort off: as in fn_iu_delivery_status (decision 011).
create or replace function public.fn_iu_delivery_counts(routes int[], refusals text[])
returns table (
    queued bigint, in_flight bigint, in_doubt bigint, retry bigint, held bigint, parked bigint, dead bigint,
    dead_in_doubt bigint, capped boolean, next_due_at timestamptz
)
language sql stable rows 1
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
as $$
    with route as (
        select r.route_no, r.refusal from unnest(routes, refusals) as r (route_no, refusal)
    ),

    counted as (
        select 1 as sort, q.* from (
            select x.d, r.refusal, false as is_parked from route as r cross join lateral (
                select h as d from public.iu_delivery as h
                where (h.route_no * 1) = r.route_no and h.is_head and h.dead_at is null
                    and h.due_at <= statement_timestamp()
                order by h.due_at desc limit 1001
            ) as x limit 1001
        ) as q
        union all
        select 2, q.* from (
            select x.d, r.refusal, false from route as r cross join lateral (
                select h as d from public.iu_delivery as h
                where (h.route_no * 1) = r.route_no and h.is_head and h.dead_at is null
                    and h.due_at > statement_timestamp()
                order by h.due_at limit 1001
            ) as x limit 1001
        ) as q
        union all
        select 3, q.* from (
            select x.d, r.refusal, (
                -- Not in the condition, so that the index of heads is used and not that of dead letters.
                select h.dead_at is not null from public.iu_delivery as h
                where h.route_no + 0 = (x.d).route_no and h.subject = (x.d).subject and h.is_head
            ) from route as r cross join lateral (
                select w as d from public.iu_delivery as w
                where w.route_no + 0 = r.route_no and not w.is_head
                order by w.subject, w.subject_no limit 1001
            ) as x limit 1001
        ) as q
        union all
        select 4, q.* from (
            select x.d, r.refusal, false from route as r cross join lateral (
                select w as d from public.iu_delivery as w
                where w.route_no = r.route_no and w.dead_at is not null and w.is_head
                order by w.event_seq limit 1001
            ) as x limit 1001
        ) as q
    ),

    stated as (
        select public.fn_iu_delivery_queue_state(c.d, c.is_parked, c.refusal) as state,
            row_number() over (partition by c.sort) as place, (c.d).dead_reason,
            case c.sort when 2 then (c.d).due_at end as later_at
        from counted as c
    )

    select count(*) filter (where s.state = 'queued'), count(*) filter (where s.state = 'in_flight'),
        count(*) filter (where s.state = 'in_doubt'), count(*) filter (where s.state = 'retry'),
        count(*) filter (where s.state = 'held'), count(*) filter (where s.state = 'parked'),
        count(*) filter (where s.state = 'dead'), count(*) filter (where s.dead_reason = 'in_doubt'),
        coalesce(max(s.place) > 1000, false),
        min(s.later_at) filter (where s.state = 'retry')
    from stated as s
$$;
comment on function public.fn_iu_delivery_counts(int[], text[]) is
'The part of fn_iu_delivery_status that counts the deliveries of the routes of a target. refusals: what
fn_iu_delivery_refusal says about each of them. Due heads are read newest first. next_due_at is the earliest
due_at of the retries that are not due.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_counts(int[], text[])', 'internal'
);

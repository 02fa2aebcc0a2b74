-- enable_seqscan and enable_bitmapscan off: the queue of each route is read by its indexes (decision 011).
create or replace function public.fn_iu_delivery_plan_pick(
    plan_no int, kind text, filter jsonb, routes int[],
    out entries int, out set_aside int, out oldest_at timestamptz, out newest_at timestamptz,
    out due_now int, out last_due_at timestamptz
)
language sql volatile
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
as $$
    with picked as materialized (
        select d.*, coalesce(d.dead_at, d.queued_at) as at, row_number() over (
            order by case kind when 'drain' then 0 else d.route_no end, d.subject_no
        )::int as entry_no
        from unnest(routes) as r (route_no)
        cross join lateral (
            select q.* from public.iu_delivery as q
            where kind <> 'drain' and q.route_no = r.route_no and q.dead_at is not null
            union all
            select q.* from public.iu_delivery as q
            where kind = 'drain' and q.route_no = r.route_no and q.dead_at is null
        ) as d
        where coalesce(coalesce(d.dead_at, d.queued_at) >= (filter ->> 'since')::timestamptz, true)
            and coalesce(coalesce(d.dead_at, d.queued_at) < (filter ->> 'until')::timestamptz, true)
            and coalesce(d.subject = (filter ->> 'subject')::uuid, true)
            and coalesce(position(filter ->> 'cause' in d.dead_reason) > 0, true)
        order by entry_no
        limit coalesce((filter ->> 'limit')::int, 1000000)
    ),

    written as (
        insert into public.iu_delivery_plan_entry (plan_no, entry_no, route_no, event_seq, event_id)
        select fn_iu_delivery_plan_pick.plan_no, p.entry_no, p.route_no, p.event_seq, p.event_id
        from picked as p
        order by p.entry_no
    ),

    subjects as (
        insert into public.iu_delivery_plan_subject (plan_no, place, route_no, subject, shard, last_seq)
        select fn_iu_delivery_plan_pick.plan_no, min(p.entry_no), p.route_no, p.subject, min(p.shard),
            (array_agg(p.event_seq order by p.entry_no desc))[1]
        from picked as p
        where kind = 'drain'
        group by p.route_no, p.subject
        order by min(p.entry_no)
    ),

    -- Of a subject only the head has a time that counts; the others are delivered after it.
    later as (
        select count(*) as entries, max(p.due_at) filter (where p.is_head) as due_at
        from picked as p
        where kind = 'drain'
        group by p.route_no, p.subject
        having max(p.due_at) filter (where p.is_head) > statement_timestamp()
    )

    select count(*)::int, count(*) filter (where not p.is_head)::int, min(p.at), max(p.at),
        case kind
            when 'drain' then (count(*) - (select coalesce(sum(l.entries), 0) from later as l))::int
        end,
        (select max(l.due_at) from later as l)
    from picked as p
$$;
comment on function public.fn_iu_delivery_plan_pick(int, text, jsonb, int[]) is
'Writes the entries of a plan: dead letters, or for a drain the other deliveries, of routes, that fit the
filter, and the subjects of a drain. Returns their number, how many of them are no head of their subject, and
the first and last time at which they were queued or became dead letters; of a drain also how many of them are
not behind a head that is due later, and when the last of these heads is due. Reads one snapshot; takes no
lock.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_plan_pick(int, text, jsonb, int[])', 'internal'
);

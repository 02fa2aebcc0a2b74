-- enable_seqscan, enable_bitmapscan and enable_sort off: the next subject is one probe, whatever the number
-- of its deliveries (decision 072).
create or replace function public.fn_iu_delivery_heads_missing()
returns table (route_code text, subject uuid, event_id uuid, waiting bigint)
language sql stable security definer rows 1
set search_path = pg_catalog, pg_temp
set row_security = off
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
as $$
    with recursive waiting as (
        (
            select w.route_no, w.subject from public.iu_delivery as w
            where not w.is_head order by w.route_no + 0, w.subject limit 1
        )
        union all
        select n.* from waiting as g
        cross join lateral (
            select w.route_no, w.subject from public.iu_delivery as w
            where not w.is_head and (w.route_no + 0, w.subject) > (g.route_no, g.subject)
            order by w.route_no + 0, w.subject limit 1
        ) as n
    )

    select r.route_code, g.subject, d.event_id, (
        select count(*) from public.iu_delivery as w
        where w.route_no + 0 = g.route_no and w.subject = g.subject and not w.is_head and w.dead_at is null
    )
    from waiting as g
    inner join public.iu_delivery_route as r on r.route_no = g.route_no
    cross join lateral (
        select w.event_id from public.iu_delivery as w
        where w.route_no + 0 = g.route_no and w.subject = g.subject and not w.is_head and w.dead_at is null
        order by w.subject_no limit 1
    ) as d
    where not exists (
        select from public.iu_delivery as h
        where h.route_no + 0 = g.route_no and h.subject = g.subject and h.is_head
    )
$$;
comment on function public.fn_iu_delivery_heads_missing() is
'The subjects that have deliveries to send and no head, so that nothing would ever be claimed: no row, unless
the queue was changed by hand. event_id is the delivery that fn_iu_delivery_heads_repair makes the head. The
cost depends on the number of subjects with more than one delivery. Read-only.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_heads_missing()', 'explain'
);

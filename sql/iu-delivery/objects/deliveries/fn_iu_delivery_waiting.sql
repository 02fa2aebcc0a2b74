-- enable_seqscan and enable_bitmapscan off: as in fn_iu_delivery_due (decision 011).
create or replace function public.fn_iu_delivery_waiting()
returns table (
    target text, kind text, route_code text, refusal text, next_due_at timestamptz, unread_since timestamptz
)
language sql stable security definer rows 10
set search_path = pg_catalog, pg_temp
set row_security = off
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
as $$
    select t.target_name, t.kind, r.route_code, public.fn_iu_delivery_refusal(r), first.due_at,
        case when b.events > 0 then b.oldest_at end
    from public.iu_delivery_route as r
    inner join public.iu_delivery_target as t on t.target_no = r.target_no
    left join lateral (
        select h.due_at from public.iu_delivery as h
        where (h.route_no * 1) = r.route_no and h.is_head and h.dead_at is null
        order by h.due_at limit 1
    ) as first on true
    -- Because of offset 0 each is evaluated once, not wherever the inlined bodies name it.
    cross join lateral (
        select public.fn_iu_cursor_read('live:' || r.route_no) as cursor offset 0
    ) as c
    cross join lateral public.fn_iu_cluster_state(c.cursor) as s
    cross join lateral (
        select public.fn_iu_cursor_countable(c.cursor, s.difference) as cursor offset 0
    ) as k
    cross join lateral public.fn_iu_cursor_backlog(k.cursor, s.restored_seq, 1) as b
    order by t.target_name, r.route_code
$$;
comment on function public.fn_iu_delivery_waiting() is
'One row for each route that was ever promoted: its target with its kind, why nothing of it is claimed now
(fn_iu_delivery_refusal; null if something may be), when its first delivery is due, and when the oldest event
that its cursor has not read was emitted (null: none). For programs that start senders: work is there if
refusal is null and one of both times has passed. The cost depends on the number of routes only. Read-only.';
select public.fn_iu_object_declare('iu-delivery', 'function', 'public.fn_iu_delivery_waiting()', 'explain');

-- enable_seqscan and enable_bitmapscan off: the next delivery of a subject is one probe (decision 011).
create or replace function public.fn_iu_delivery_heads_advance(route_nos int[], subjects uuid[])
returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
as $$
#variable_conflict use_variable
declare
    v_places tid [];
begin
    v_places := array(
        select n.place from (
            select distinct s.route_no, s.subject from unnest(route_nos, subjects) as s (route_no, subject)
        ) as g
        cross join lateral (
            select w.ctid as place from public.iu_delivery as w
            where (w.route_no + 0) = g.route_no and w.subject = g.subject and not w.is_head
                and w.dead_at is null
            order by w.subject_no limit 1
        ) as n
        left join lateral (
            select true as is_there from public.iu_delivery as h
            where (h.route_no + 0) = g.route_no and h.subject = g.subject and h.is_head limit 1
        ) as head on true
        where head.is_there is null
    );
    update public.iu_delivery as d set is_head = true, due_at = greatest(d.due_at, clock_timestamp())
    where d.ctid = any (v_places);
end
$$;
comment on function public.fn_iu_delivery_heads_advance(int[], uuid[]) is
'Makes the next waiting delivery of each given (route, subject) that has no head its head. Call it in a later
statement than the one that settled or set aside the head, in the same transaction, which holds the lock of
the state of the target: due_from of the route relies on that.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_heads_advance(int[], uuid[])', 'internal'
);

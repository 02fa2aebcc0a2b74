-- enable_seqscan off: two probes of indexes (decision 011).
create or replace function public.fn_iu_delivery_lock(given public.iu_delivery_route, event_id uuid)
returns public.iu_delivery
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
as $$
#variable_conflict use_variable
declare
    v_seq constant bigint := (
        select o.event_seq from public.event_outbox as o where o.event_id = fn_iu_delivery_lock.event_id
    );
    v_delivery public.iu_delivery;
begin
    -- First the head of the subject, as fn_iu_delivery_record does: its holder may change the others.
    perform from public.iu_delivery as h
    where (h.route_no + 0) = given.route_no and h.is_head and h.subject = (
        select d.subject from public.iu_delivery as d
        where d.route_no = given.route_no and d.event_seq = v_seq
    )
    for update;
    select d.* into v_delivery from public.iu_delivery as d
    where d.route_no = given.route_no and d.event_seq = v_seq for update;
    return v_delivery;
end
$$;
comment on function public.fn_iu_delivery_lock(public.iu_delivery_route, uuid) is
'The delivery of an event on a live route, locked with the head of its subject; null if it is settled or was
never queued. The caller holds the lock of the cursor of the route.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_lock(public.iu_delivery_route, uuid)', 'internal'
);

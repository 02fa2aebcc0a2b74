-- enable_seqscan off: a few probes of indexes (decision 011).
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
    v_subject constant uuid := (
        select d.subject from public.iu_delivery as d
        where d.route_no = given.route_no and d.event_seq = v_seq
    );
    v_head bigint;
    v_delivery public.iu_delivery;
begin
    -- With the head of the subject, whose lock protects the others, in the order of fn_iu_delivery_record.
    -- The head can be replaced while this waits for its lock, so look again (decision 073).
    loop
        v_head := (
            select h.event_seq from public.iu_delivery as h
            where (h.route_no + 0) = given.route_no and h.is_head and h.subject = v_subject limit 1
        );
        perform from public.iu_delivery as d
        where d.route_no = given.route_no and d.event_seq in (v_seq, v_head) order by d.event_seq for update;
        exit when v_head is null or exists (
            select from public.iu_delivery as h
            where h.route_no = given.route_no and h.event_seq = v_head and h.is_head
        );
    end loop;
    select d.* into v_delivery from public.iu_delivery as d
    where d.route_no = given.route_no and d.event_seq = v_seq;
    return v_delivery;
end
$$;
comment on function public.fn_iu_delivery_lock(public.iu_delivery_route, uuid) is
'The delivery of an event on a live route, locked with the head of its subject; null if it is settled or was
never queued. The caller holds the lock of the cursor of the route.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_lock(public.iu_delivery_route, uuid)', 'internal'
);

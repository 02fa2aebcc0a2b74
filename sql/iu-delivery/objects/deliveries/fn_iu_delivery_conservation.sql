-- enable_seqscan, enable_hashjoin and enable_mergejoin off: each event is a few probes of indexes, so that
-- the cost depends on the range, not on what was ever delivered (decision 072).
create or replace function public.fn_iu_delivery_conservation(
    route_code text, from_seq bigint, to_seq bigint
)
returns table (state text, deliveries bigint, first_event_id uuid)
language plpgsql stable security definer rows 10
set search_path = pg_catalog, pg_temp
set row_security = off
set jit = off
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
#variable_conflict use_column
declare
    v_route constant public.iu_delivery_route :=
        public.fn_iu_delivery_route_read(fn_iu_delivery_conservation.route_code);
    v_cursor constant public.iu_route_worker_cursor := public.fn_iu_cursor_read('live:' || v_route.route_no);
    v_anchor constant public.event_outbox_cluster := public.fn_iu_cluster_newest();
    v_refusal constant text := case when v_route.route_no is not null
        then public.fn_iu_delivery_refusal(v_route) end;
begin
    return query
    with counted as (
        select s.state, count(*) as deliveries, min(o.event_seq) as seq
        from public.event_outbox as o
        cross join lateral public.fn_iu_delivery_state(v_route, o, v_cursor, v_anchor, v_refusal) as s
        where o.event_domain = v_route.event_domain and o.event_seq between from_seq and to_seq
        group by s.state
    )

    select c.state, c.deliveries, (
        select e.event_id from public.event_outbox as e
        where e.event_domain = v_route.event_domain and e.event_seq = c.seq
    )
    from counted as c
    union all
    select 'no_event', count(*), (array_agg(d.event_id order by d.event_seq))[1]
    from public.iu_delivery as d
    where d.route_no = v_route.route_no and d.event_seq between from_seq and to_seq and not exists (
        select from public.event_outbox as e where e.event_id = d.event_id
    )
    having count(*) > 0
    order by 1;
end
$$;
comment on function public.fn_iu_delivery_conservation(text, bigint, bigint) is
'Counts the events of the domain of a live route with event_seq in a range by their state, as
fn_iu_delivery_state decides; first_event_id is the first of each. Three states are faults: missing (read,
and nothing says what became of it), conflicting (two states) and no_event (queued, but the event is gone).
No row if the route was never promoted or the range has no event. Raises IU104. Reads one snapshot; takes no
lock.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_conservation(text, bigint, bigint)', 'explain'
);

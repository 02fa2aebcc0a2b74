-- enable_seqscan, enable_hashjoin and enable_mergejoin off: each event is a few probes of indexes, so that
-- the cost depends on newest, not on what was ever delivered (decision 072).
create or replace function public.fn_iu_delivery_twin(route_code text, newest int default null)
returns table (would text, did text, deliveries bigint, first_event_id uuid)
language plpgsql stable security definer rows 20
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
        public.fn_iu_delivery_route_read(fn_iu_delivery_twin.route_code);
    v_cursor constant public.iu_route_worker_cursor := public.fn_iu_cursor_read('live:' || v_route.route_no);
    v_anchor constant public.event_outbox_cluster := public.fn_iu_cluster_newest();
    v_refusal constant text := case when v_route.route_no is not null
        then public.fn_iu_delivery_refusal(v_route) end;
    v_worker_no constant int := (
        select c.worker_no from public.iu_route_worker_cursor as c
        where c.event_domain = v_route.event_domain and c.cursor_kind = 'audit' and c.retired_at is null
        order by c.worker_no limit 1
    );
    v_from_seq bigint;
begin
    perform public.fn_iu_delivery_newest_require(newest);
    v_from_seq := coalesce((
        select o.event_seq from public.event_outbox as o
        where o.event_domain = v_route.event_domain and newest is not null
        order by o.event_seq desc limit 1 offset newest - 1
    ), 0);
    return query
    with counted as (
        select coalesce(a.decision, 'none') as would, s.state as did, count(*) as deliveries,
            min(o.event_seq) as seq
        from public.event_outbox as o
        cross join lateral public.fn_iu_delivery_state(v_route, o, v_cursor, v_anchor, v_refusal) as s
        left join lateral (
            select l.decision from public.iu_route_attempt_log as l
            where l.event_id = o.event_id and l.worker_no = v_worker_no and l.route_no = v_route.route_no
            order by l.attempt_no desc limit 1
        ) as a on true
        where o.event_domain = v_route.event_domain and o.event_seq >= v_from_seq
            and o.event_type = v_route.event_type
            and s.state not in ('unread', 'passed_over', 'not_for_route')
        group by 1, 2
    )

    select c.would, c.did, c.deliveries, (
        select e.event_id from public.event_outbox as e
        where e.event_domain = v_route.event_domain and e.event_seq = c.seq
    )
    from counted as c
    order by 1, 2;
end
$$;
comment on function public.fn_iu_delivery_twin(text, int) is
'What the rehearsal of a live route would have done beside what its delivery did, counted among the newest
events of the domain (all if newest is null) that the cursor of the route has read, and that its first
promotion did not pass over. would: the newest decision of the oldest audit worker of the domain in use
(dry_run, skipped, failed), or none. did: the state as fn_iu_delivery_state decides. first_event_id is the
first of each. No row if the route was never promoted. Raises IU104. Read-only; reads one snapshot.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_twin(text, int)', 'explain'
);

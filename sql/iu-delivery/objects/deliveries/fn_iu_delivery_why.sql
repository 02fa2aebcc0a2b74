-- enable_seqscan off: each route is a few probes of indexes (decision 072).
create or replace function public.fn_iu_delivery_why(event_id uuid)
returns table (
    route_code text, state text, reason text, since timestamptz, attempts int, run_ref text,
    next_at timestamptz, last_error text
)
language plpgsql stable security definer rows 10
set search_path = pg_catalog, pg_temp
set row_security = off
set jit = off
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
    v_anchor constant public.event_outbox_cluster := public.fn_iu_cluster_newest();
    v_event public.event_outbox;
begin
    select o.* into v_event from public.event_outbox as o where o.event_id = fn_iu_delivery_why.event_id;
    if v_event.event_id is null then
        raise exception 'unknown event %', coalesce(fn_iu_delivery_why.event_id::text, 'null') using
            errcode = 'IU104', hint = 'List the newest events with: iu event list';
    end if;
    return query
    select r.route_code, s.state,
        public.fn_iu_delivery_reason(s.state, s.delivery, s.parked_behind, f.refusal, x.reason),
        case s.state
            when 'sent' then l.recorded_at when 'discarded' then x.decided_at
            when 'outside_canary' then x.decided_at when 'dead' then (s.delivery).dead_at
            when 'held' then greatest(r.held_since, (s.delivery).queued_at)
            when 'unread' then v_event.created_at
            else coalesce(
                case when s.state in ('in_flight', 'in_doubt', 'retry') then k.recorded_at end,
                (s.delivery).queued_at
            )
        end,
        coalesce((s.delivery).claims, c.attempt_no, 0), k.run_ref,
        case
            when s.state in ('in_flight', 'retry') or (s.state = 'queued' and (s.delivery).is_head)
                then (s.delivery).due_at
        end,
        case
            when e.decision <> 'sent' and s.state in ('in_flight', 'in_doubt', 'retry', 'held', 'queued')
                then coalesce(e.error_detail, 'status ' || e.status_code, e.decision)
        end
    from public.iu_delivery_route as r
    cross join lateral (select public.fn_iu_delivery_refusal(r) as refusal) as f
    cross join lateral public.fn_iu_delivery_state(
        r, v_event, public.fn_iu_cursor_read('live:' || r.route_no), v_anchor, f.refusal
    ) as s
    left join lateral (
        select i.attempt_no, i.ledger_no from public.iu_delivery_claim as i
        where i.event_id = v_event.event_id and i.route_no = r.route_no
        order by i.attempt_no desc limit 1
    ) as c on true
    left join lateral (
        select a.decision, a.status_code, a.error_detail from public.iu_delivery_claim as i
        inner join public.iu_delivery_outcome as a on a.claim_id = i.claim_id
        where i.event_id = v_event.event_id and i.route_no = r.route_no
        order by i.attempt_no desc limit 1
    ) as e on true
    left join public.iu_delivery_ledger as k on k.ledger_no = c.ledger_no
    left join public.iu_delivery_ledger as l on l.ledger_no = s.sent_ledger_no
    left join public.iu_delivery_decision as x on x.decision_no = s.decision_no
    union all
    select o.route_code, 'not_promoted', null, null, 0, null, null, null
    from public.iu_outbound_route as o
    where o.event_type = v_event.event_type and o.enabled and not exists (
        select from public.iu_delivery_route as r where r.route_no = o.route_no
    )
    order by 1;
end
$$;
comment on function public.fn_iu_delivery_why(uuid) is
'What became of an event on each route that was ever promoted (state as fn_iu_delivery_state decides), and on
the enabled routes of its type that never were (not_promoted). reason is the first refusal of what is held,
waits or is not read (fn_iu_delivery_refusal, then not_due, not_head), or that of the dead letter or the
decision; null if the next claim takes it. since is when the state began, attempts the number of claims,
run_ref that of the newest one, next_at when it is due, or when the lease ends, last_error what the last
outcome says about a send that failed, as long as the delivery is not settled. Raises IU104 for an unknown
event. Read-only.';
select public.fn_iu_object_declare('iu-delivery', 'function', 'public.fn_iu_delivery_why(uuid)', 'explain');

-- The linter parses a `begin atomic` body as a separate query and does not recognize the parameters.
-- noqa: disable=all
create or replace function public.fn_iu_delivery_state(
    route public.iu_delivery_route, event public.event_outbox, reader public.iu_route_worker_cursor,
    anchor public.event_outbox_cluster, refusal text
)
returns table (
    state text, delivery public.iu_delivery, parked_behind uuid, sent_ledger_no bigint, decision_no bigint
)
language sql stable rows 1
begin atomic
    select case
            when (d.event_seq is not null)::int + (s.ledger_no is not null)::int + coalesce(x.kinds, 0)
                + (p.is_passed and (event).event_seq > coalesce((anchor).restored_seq, 0))::int > 1
                then 'conflicting'
            when d.event_seq is not null
                then public.fn_iu_delivery_queue_state(d, h.dead_at is not null, refusal)
            when s.ledger_no is not null then 'sent'
            when x.kinds = 1 then x.decision
            when (event).event_type <> (route).event_type then 'not_for_route'
            when p.is_passed then 'passed_over'
            when not public.fn_iu_event_is_consumed(
                (event).event_seq, (event).emitted_xid, reader, anchor
            ) then 'unread'
            -- The route had another event type when the event was read.
            when exists (
                select from public.iu_delivery_batch as b
                inner join public.iu_route_promotion as m on m.promotion_no = b.promotion_no
                inner join public.iu_outbound_route_version as v on v.route_version = m.route_version
                where b.route_no = (route).route_no and v.event_type <> (event).event_type
                    and (event).event_seq between b.first_event_seq and b.last_event_seq
            ) then 'not_for_route'
            else 'missing'
        end, d, case when h.dead_at is not null then h.event_id end, s.ledger_no, x.decision_no
    from (
        select (event).event_type = (route).event_type
            and (event).event_seq <= (route).passed_seq and case
                when (event).event_seq <= coalesce((anchor).restored_seq, 0) then true
                else coalesce(pg_visible_in_snapshot((event).emitted_xid, (route).passed_snapshot), false)
            end as is_passed
    ) as p
    left join public.iu_delivery as d
        on d.route_no = (route).route_no and d.event_seq = (event).event_seq
    left join public.iu_delivery as h
        on h.route_no + 0 = d.route_no and h.subject = d.subject and h.is_head and not d.is_head
    left join lateral (
        select o.ledger_no from public.iu_delivery_claim as c
        inner join public.iu_delivery_outcome as o on o.claim_id = c.claim_id
        where c.event_id = (event).event_id and c.route_no = (route).route_no
            and o.decision = 'sent' and not o.stale
        limit 1
    ) as s on true
    left join lateral (
        select max(r.decision_no) as decision_no, max(r.decision) as decision,
            count(distinct r.decision)::int as kinds
        from public.iu_delivery_decision as r
        where r.route_no = (route).route_no and r.event_seq = (event).event_seq
            and r.decision in ('outside_canary', 'discarded')
    ) as x on true;
end;
-- noqa: enable=all
comment on function public.fn_iu_delivery_state(
    public.iu_delivery_route, public.event_outbox, public.iu_route_worker_cursor, public.event_outbox_cluster,
    text
) is
'The state of an event on a live route: not_for_route, outside_canary, passed_over, unread (the cursor has
not read it), those of fn_iu_delivery_queue_state, sent or discarded. missing: the cursor has read it and
nothing says what became of it; conflicting: two states are recorded. The only place that decides this.
refusal: what fn_iu_delivery_refusal says about the route. delivery is null if it is settled; parked_behind
is the dead letter before it. The body is bound at creation and inlined; callers set enable_seqscan and jit
off. Read-only.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function',
    'public.fn_iu_delivery_state(public.iu_delivery_route, public.event_outbox, '
    'public.iu_route_worker_cursor, public.event_outbox_cluster, text)',
    'internal'
);

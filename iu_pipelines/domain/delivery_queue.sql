-- The SQL of delivery_queue.py.

-- name: waiting
select target, kind, route_code, refusal, next_due_at, unread_since
from public.fn_iu_delivery_waiting()
order by target, route_code;

-- name: in_doubt
-- (route_no * 1) is what the index of due heads says (decision 011).
select
    t.target_name as target, r.route_code, d.event_id, d.subject, d.claims, d.due_at as since, l.sender,
    l.run_ref
from public.iu_delivery_target as t
inner join public.iu_delivery_route as r on t.target_no = r.target_no
cross join
    lateral (
        select h.event_id, h.subject, h.claims, h.due_at, h.claim_id
        from public.iu_delivery as h
        where
            (h.route_no * 1) = r.route_no and h.is_head and h.dead_at is null
            and h.due_at <= statement_timestamp()
        order by h.due_at desc
        limit %(looked_at)s
    ) as d
inner join public.iu_delivery_claim as c on d.claim_id = c.claim_id
inner join public.iu_delivery_ledger as l on c.ledger_no = l.ledger_no
where %(target)s::text is null or t.target_name = %(target)s
order by d.due_at desc
limit %(max_rows)s;

-- name: failures
select
    t.target_name as target, r.route_code, c.event_id, o.decision, o.status_code, o.error_detail,
    l.recorded_at, l.run_ref
from public.iu_delivery_target as t
cross join
    lateral (
        select b.ledger_no, b.recorded_at, b.run_ref
        from public.iu_delivery_ledger as b
        where b.target_no = t.target_no and b.kind = 'outcomes'
        order by b.ledger_no desc
        limit %(reports)s
    ) as l
inner join public.iu_delivery_outcome as o on l.ledger_no = o.ledger_no
inner join public.iu_delivery_claim as c on o.claim_id = c.claim_id
inner join public.iu_delivery_route as r on c.route_no = r.route_no
where o.decision <> 'sent' and (%(target)s::text is null or t.target_name = %(target)s)
order by o.claim_id desc
limit %(max_rows)s;

-- name: dead
select
    t.target_name as target, r.route_code, d.event_id, d.subject, d.claims, d.dead_at, d.dead_reason
from public.iu_delivery_target as t
inner join public.iu_delivery_route as r on t.target_no = r.target_no
cross join
    lateral (
        select w.event_id, w.subject, w.claims, w.dead_at, w.dead_reason, w.event_seq
        from public.iu_delivery as w
        where w.route_no = r.route_no and w.dead_at is not null
        order by w.event_seq
        limit %(max_rows)s
    ) as d
where %(target)s::text is null or t.target_name = %(target)s
order by d.event_seq
limit %(max_rows)s;

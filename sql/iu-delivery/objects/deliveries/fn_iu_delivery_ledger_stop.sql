-- enable_seqscan off: entries are found by the range of ledger_no, events by their key (decision 072).
create or replace function public.fn_iu_delivery_ledger_stop(from_no bigint, to_no bigint)
returns bigint
language sql stable
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
as $$
    select min(e.ledger_no)
    from (
        select c.ledger_no, c.event_id, c.route_no, c.event_seq from public.iu_delivery_claim as c
        where c.ledger_no between from_no and to_no
        union all
        select o.ledger_no, c.event_id, c.route_no, c.event_seq from public.iu_delivery_outcome as o
        inner join public.iu_delivery_claim as c on c.claim_id = o.claim_id
        where o.ledger_no between from_no and to_no
        union all
        select d.ledger_no, d.event_id, d.route_no, d.event_seq from public.iu_delivery_decision as d
        where d.ledger_no between from_no and to_no
    ) as e
    where exists (select from public.event_outbox as k where k.event_id = e.event_id)
        or exists (
            select from public.iu_delivery as q where q.route_no = e.route_no and q.event_seq = e.event_seq
        )
$$;
comment on function public.fn_iu_delivery_ledger_stop(bigint, bigint) is
'The first row of the ledger in a range, of any target, with a claim, outcome or decision about an event that
is still in the outbox or in the queue; null if none. It must stay: conservation needs it. Read-only.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_ledger_stop(bigint, bigint)', 'internal'
);

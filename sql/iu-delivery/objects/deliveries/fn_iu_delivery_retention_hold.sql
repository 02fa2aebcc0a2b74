-- enable_seqscan off: one probe a route (decision 072).
create or replace function public.fn_iu_delivery_retention_hold(event_domain text)
returns table (event_seq bigint, reason text)
language sql stable rows 1
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
as $$
    select q.event_seq, format(
        'delivery on route %s is %s', r.route_code,
        case when q.dead_at is not null then 'a dead letter' else 'not settled' end
    )
    from public.iu_delivery_route as r
    cross join lateral (
        select d.event_seq, d.dead_at from public.iu_delivery as d
        where d.route_no = r.route_no order by d.event_seq limit 1
    ) as q
    where r.event_domain = fn_iu_delivery_retention_hold.event_domain
    order by q.event_seq limit 1
$$;
comment on function public.fn_iu_delivery_retention_hold(text) is
'The first event of a domain that is in the queue of a live route (queued, claimed, parked or dead), and why
it must stay, as a sentence; no row if none is. The core asks it (decision 070). Read-only.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_retention_hold(text)', 'internal'
);

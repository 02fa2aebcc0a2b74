-- enable_seqscan off: each table is probed by an index (decision 011).
create or replace function public.fn_iu_delivery_is_known(
    route public.iu_delivery_route, event public.event_outbox
)
returns boolean
language plpgsql stable
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
as $$
begin
    return exists (
        select from public.iu_delivery as d
        where d.route_no = route.route_no and d.event_seq = event.event_seq
    ) or exists (
        select from public.iu_delivery_claim as c
        where c.route_no = route.route_no and c.event_id = event.event_id
    ) or exists (
        select from public.iu_delivery_decision as k
        where k.route_no = route.route_no and k.event_seq = event.event_seq
    ) or (event.event_seq <= route.passed_seq and (
        pg_visible_in_snapshot(event.emitted_xid, route.passed_snapshot)
        -- What came with a restore before the first promotion has transaction ids of another cluster.
        or event.event_seq <= (
            select a.restored_seq from public.iu_route_promotion as p
            inner join public.iu_route_promotion_decision as k on k.promotion_no = p.promotion_no
            inner join public.event_outbox_cluster as a on a.anchor_key = p.anchor_key
            where p.route_no = route.route_no and k.decision = 'approve' order by k.decision_no limit 1
        )
    ));
end
$$;
comment on function public.fn_iu_delivery_is_known(public.iu_delivery_route, public.event_outbox) is
'Whether an event was read for a live route before: it is queued, claimed or decided, or the first promotion
passed over it. After a restore a cursor resumes at its first unread event and may read later ones again.
Read-only.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function',
    'public.fn_iu_delivery_is_known(public.iu_delivery_route, public.event_outbox)', 'internal'
);

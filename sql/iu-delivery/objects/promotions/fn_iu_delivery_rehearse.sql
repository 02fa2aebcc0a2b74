create or replace function public.fn_iu_delivery_rehearse(route_code text)
returns table (
    target_name text, event_id uuid, payload_kind text, delivery_key text, headers json, body text,
    body_bytes int
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set row_security = off
set work_mem = '64MB'
as $$
#variable_conflict use_variable
declare
    v_found record;
    v_route public.iu_outbound_route;
    v_target public.iu_delivery_target;
begin
    v_found := public.fn_iu_promotion_route(route_code);
    v_route := v_found.route;
    v_target := v_found.target;
    perform public.fn_iu_target_sender_require(v_target);
    return query
    with newest as (
        select public.fn_iu_payload_kind(o.safe_payload) as kind, max(o.event_seq) as seq
        from public.event_outbox as o where o.event_type = v_route.event_type group by 1
    )

    select v_target.target_name, o.event_id, n.kind, k.key, public.fn_iu_delivery_headers(o, k.key, 1),
        b.body, octet_length(b.body)
    from newest as n
    inner join public.event_outbox as o on o.event_seq = n.seq
    cross join lateral (select public.fn_iu_delivery_key(o.event_id, v_route.route_no) as key) as k
    cross join lateral (select public.fn_iu_delivery_rehearsal_body(o, v_route.route_no) as body) as b
    order by n.seq;
end
$$;
comment on function public.fn_iu_delivery_rehearse(text) is
'What a sender signs to rehearse a route: the newest event of each kind (fn_iu_payload_kind) of its event
type, rendered as for a delivery, with the target that is to get it. Reads all events of the type. Raises
IU104, IU205 as fn_iu_promotion_route, and IU201 for a login that may not deliver to the target. Writes and
sends nothing.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_rehearse(text)', 'deliver'
);

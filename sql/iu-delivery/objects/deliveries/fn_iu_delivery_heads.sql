-- enable_seqscan and enable_bitmapscan off: heads are read by their index, oldest first (decision 011).
create or replace function public.fn_iu_delivery_heads(target text, batch_limit int)
returns table (
    delivery_key text, event_id uuid, route_code text, subject uuid, due_at timestamptz, is_due boolean,
    claim_id bigint, fence int, run_ref text
)
language plpgsql stable security definer rows 50
set search_path = pg_catalog, pg_temp
set row_security = off
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
as $$
#variable_conflict use_column
declare
    v_target constant public.iu_delivery_target := public.fn_iu_target_require(target);
    v_now constant timestamptz := clock_timestamp();
    v_listed constant text [] := string_to_array((
        select c.value from public.dot_config as c where c.key = public.fn_iu_gate_key('live_routes')
    ), ',');
begin
    perform public.fn_iu_delivery_limit_require(batch_limit, 100000);
    perform public.fn_iu_target_sender_require(v_target);
    return query with head as (
        (
            select d.* from public.iu_delivery_route as r
            cross join lateral (
                select q.* from public.iu_delivery as q
                where (q.route_no * 1) = r.route_no and q.is_head and q.dead_at is null
                    and q.due_at >= r.due_from and q.due_at <= v_now
                order by q.due_at limit batch_limit
            ) as d
            where r.target_no = v_target.target_no and r.held_reason is null and r.route_code = any (v_listed)
                and (
                    select p.deployment from public.iu_route_promotion as p
                    where p.promotion_no = r.promotion_no
                ) = public.fn_iu_deployment()
            order by d.due_at limit batch_limit
        )
        union all
        select d.* from public.iu_delivery_route as r
        cross join lateral (
            select q.* from public.iu_delivery as q
            where (q.route_no * 1) = r.route_no and q.is_head and q.dead_at is null
                and q.due_at > v_now and q.due_at <= v_now + interval '1 hour' and q.claim_id is not null
            order by q.due_at limit 10000
        ) as d
        where r.target_no = v_target.target_no
    )

    select public.fn_iu_delivery_key(h.event_id, h.route_no), h.event_id, r.route_code, h.subject, h.due_at,
        h.due_at <= v_now, l.claim_id, h.claims, l.run_ref
    from head as h
    inner join public.iu_delivery_route as r on r.route_no = h.route_no
    left join lateral (
        select c.claim_id, g.run_ref from (
            select i.claim_id, i.ledger_no from public.iu_delivery_claim as i
            where i.claim_id = h.claim_id limit 1
        ) as c
        cross join lateral (
            select e.run_ref from public.iu_delivery_ledger as e
            where e.ledger_no = c.ledger_no and e.target_no = v_target.target_no
                and e.login = session_user
            limit 1
        ) as g
    ) as l on true
    order by h.due_at;
end
$$;
comment on function public.fn_iu_delivery_heads(text, int) is
'The heads of a target for programs that start work for each delivery: at most batch_limit that are due on
listed routes that are not held and are promoted for the deployment of the session, and all whose lease goes
on, whatever the gates (at most 10,000 a route). claim_id and run_ref are of the claim of this login for the
target whose outcome is not recorded; null: there is none. fence counts the claims. is_due with a claim: in
doubt. Oldest first. Raises IU104, IU201, IU301, IU603. Read-only; locks nothing.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_heads(text, int)', 'deliver'
);

create or replace function public.fn_iu_delivery_gate_preview(key text, value text)
returns table (
    target text, route_code text, held bigint, held_capped boolean, oldest_at timestamptz,
    max_per_minute int, drain_seconds double precision, held_reason text
)
language plpgsql stable security definer rows 10
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
#variable_conflict use_column
declare
    v_before constant jsonb := public.fn_iu_delivery_gates();
    v_after jsonb;
begin
    perform public.fn_iu_delivery_gate_require(fn_iu_delivery_gate_preview.key, value);
    v_after := v_before || jsonb_build_object(fn_iu_delivery_gate_preview.key, value);
    return query
    with judged as materialized (
        select t.target_name, r.route_code, r.route_no, t.target_no, t.max_per_minute as of_target,
            p.max_per_minute as of_promotion,
            -- The rest once, so that only the gates make a difference.
            public.fn_iu_delivery_gates_refusal(r.route_code, t.kind, v_before) as before,
            public.fn_iu_delivery_gates_refusal(r.route_code, t.kind, v_after) as after,
            public.fn_iu_delivery_route_refusal(r) as rest
        from public.iu_delivery_route as r
        inner join public.iu_delivery_target as t on t.target_no = r.target_no
        left join public.iu_route_promotion as p on p.promotion_no = r.promotion_no
    ),

    counted as materialized (
        select j.*, coalesce(j.after, j.rest) as refusal, n.deliveries, n.is_capped, n.oldest_at,
            j.before is distinct from j.after as is_changed
        from judged as j
        cross join lateral public.fn_iu_delivery_unclaimed(j.route_no, 100000) as n
        where exists (
            select from judged as o where o.target_no = j.target_no and o.before is distinct from o.after
        )
    ),

    -- The routes of a target share its rate.
    shared as materialized (
        select c.target_no, sum(c.deliveries) filter (where c.refusal is null) as deliveries
        from counted as c group by c.target_no
    )

    select c.target_name, c.route_code, c.deliveries, c.is_capped, c.oldest_at,
        least(c.of_target, c.of_promotion),
        case when c.refusal is null then greatest(
            60 * c.deliveries / c.of_promotion::double precision,
            60 * s.deliveries / c.of_target::double precision
        ) end, c.refusal
    from counted as c
    inner join shared as s on s.target_no = c.target_no
    where c.is_changed
    order by c.target_name, c.route_code;
end
$$;
comment on function public.fn_iu_delivery_gate_preview(text, text) is
'What another value of a gate would let go or hold: one row for each live route whose first refusal would
change. held is the number of deliveries that wait for a claim, oldest_at when the oldest was queued;
held_capped: more than 100,000, of which no more are counted. max_per_minute is the smaller of the rates of
target and promotion. drain_seconds is how long the deliveries need at these rates, with the rate of the
target shared by its routes; null without a rate, or if held_reason, the refusal that would then be the first,
is not null. Raises IU104, IU202. Read-only.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_gate_preview(text, text)', 'explain'
);

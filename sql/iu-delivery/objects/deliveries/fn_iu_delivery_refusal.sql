create or replace function public.fn_iu_delivery_refusal(given public.iu_delivery_route)
returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_target public.iu_delivery_target;
    v_state public.iu_delivery_target_state;
    v_promotion public.iu_route_promotion;
    v_of_target text;
begin
    select t.* into v_target from public.iu_delivery_target as t where t.target_no = given.target_no;
    select s.* into v_state from public.iu_delivery_target_state as s where s.target_no = given.target_no;
    select p.* into v_promotion from public.iu_route_promotion as p
    where p.promotion_no = given.promotion_no;
    -- The timeline of a standby is not known.
    if not pg_is_in_recovery() then
        v_state := public.fn_iu_target_state_now(v_target, v_state);
    end if;
    v_of_target := public.fn_iu_target_refusal(v_target, v_state);
    return case
        when v_of_target in ('master_gate_closed', 'delivery_gate_closed') then v_of_target
        when not coalesce(given.route_code = any (string_to_array((
            select c.value from public.dot_config as c where c.key = public.fn_iu_gate_key('live_routes')
        ), ',')), false) then 'not_listed'
        when v_of_target = 'jobs_gate_closed' then v_of_target
        else coalesce(
            public.fn_iu_promotion_refusal(given, v_promotion.deployment), v_of_target,
            case when public.fn_iu_target_tokens(
                given.tokens, given.refilled_at, v_promotion.max_per_minute, clock_timestamp()
            ) < 1 then 'rate_limit' end
        )
    end;
end
$$;
comment on function public.fn_iu_delivery_refusal(public.iu_delivery_route) is
'Why nothing of a live route is claimed now, in one word; null if due heads are. The first that refuses:
master gate, delivery gate, list of live routes (not_listed), gate of jobs, promotion
(fn_iu_promotion_refusal), target and breaker (fn_iu_target_refusal), rate of the promotion. The deployment
of senders is not known here and not compared. Read-only.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_refusal(public.iu_delivery_route)', 'internal'
);

create or replace function public.fn_iu_delivery_route_refusal(given public.iu_delivery_route)
returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_target public.iu_delivery_target;
    v_state public.iu_delivery_target_state;
    v_promotion public.iu_route_promotion;
begin
    select t.* into v_target from public.iu_delivery_target as t where t.target_no = given.target_no;
    select s.* into v_state from public.iu_delivery_target_state as s where s.target_no = given.target_no;
    select p.* into v_promotion from public.iu_route_promotion as p
    where p.promotion_no = given.promotion_no;
    -- The timeline of a standby is not known.
    if not pg_is_in_recovery() then
        v_state := public.fn_iu_target_state_now(v_target, v_state);
    end if;
    return coalesce(
        public.fn_iu_promotion_refusal(given, v_promotion.deployment),
        public.fn_iu_target_state_refusal(v_target, v_state),
        case when public.fn_iu_target_tokens(
            given.tokens, given.refilled_at, v_promotion.max_per_minute, clock_timestamp()
        ) < 1 then 'rate_limit' end
    );
end
$$;
comment on function public.fn_iu_delivery_route_refusal(public.iu_delivery_route) is
'Why nothing of a live route is claimed now, whatever the gates are, in one word; null if due heads are. The
first that refuses: promotion (fn_iu_promotion_refusal), target and breaker (fn_iu_target_state_refusal), rate
of the promotion. The deployment of senders is not known here and not compared. Read-only.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_route_refusal(public.iu_delivery_route)', 'internal'
);

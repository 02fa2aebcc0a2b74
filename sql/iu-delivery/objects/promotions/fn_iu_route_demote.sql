create or replace function public.fn_iu_route_demote(route_code text, reason text)
returns jsonb
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
#variable_conflict use_variable
declare
    v_live public.iu_delivery_route;
    v_queue record;
    v_status text;
begin
    perform public.fn_iu_argument_require('reason', reason, 2000);
    perform public.fn_iu_delivery_isolation_require();
    v_live := public.fn_iu_delivery_route_read(route_code);
    if v_live.route_no is null then
        return jsonb_build_object('status', 'not_promoted', 'route_code', route_code);
    end if;
    perform public.fn_iu_target_state_lock(v_live.target_no);
    select r.* into v_live from public.iu_delivery_route as r
    where r.route_no = v_live.route_no for update;
    if v_live.held_reason = 'demoted' then
        v_status := 'already_demoted';
    else
        perform public.fn_iu_route_demote_apply(v_live.route_no, reason, false);
        v_status := 'demoted';
    end if;
    v_queue := public.fn_iu_promotion_queue(v_live.route_no);
    return jsonb_build_object(
        'status', v_status, 'route_code', route_code, 'promotion_no', v_live.promotion_no,
        'queued', v_queue.deliveries, 'in_flight', v_queue.in_flight, 'until', v_queue.until
    );
end
$$;
comment on function public.fn_iu_route_demote(text, text) is
'Ends the promotion of a route: nothing more is queued or claimed until a new one is approved. One person is
enough. Returns {"status", "route_code", "promotion_no", "queued", "in_flight", "until"}: in_flight deliveries
were claimed before and may still be sent, at the latest until their lease ends. status is demoted,
already_demoted or not_promoted. Raises IU104, IU303. Waits for calls that claim and record deliveries of the
target.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_route_demote(text, text)', 'demote'
);

create or replace function public.fn_iu_delivery_target_pause(
    target_name text, paused boolean, reason text
)
returns jsonb
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
#variable_conflict use_variable
declare
    v_reason_before constant text := coalesce(current_setting('iu.config_reason', true), '');
    v_target public.iu_delivery_target;
    v_state public.iu_delivery_target_state;
    v_hold boolean;
    v_status text := 'unchanged';
    v_claims record;
begin
    perform public.fn_iu_argument_require('reason', reason, 2000);
    perform public.fn_iu_argument_require('paused', paused::text, 5);
    perform public.fn_iu_delivery_isolation_require();
    v_target := public.fn_iu_target_require(target_name);
    -- With the timeline of now, so that a failover before this call does not hold the target after it.
    v_state := public.fn_iu_target_state_now(
        v_target, public.fn_iu_target_state_lock(v_target.target_no)
    );
    v_hold := v_state.failover_hold and paused;
    if v_state.paused <> paused or v_state.failover_hold <> v_hold then
        v_status := case when paused then 'paused' else 'resumed' end;
        perform set_config('iu.config_reason', reason, true);
        perform public.fn_iu_delivery_target_history_write(
            v_target.target_no, v_status,
            jsonb_build_object('paused', v_state.paused, 'failover_hold', v_state.failover_hold),
            jsonb_build_object('paused', paused, 'failover_hold', v_hold)
        );
        perform set_config('iu.config_reason', v_reason_before, true);
        update public.iu_delivery_target_state as s
        set paused = fn_iu_delivery_target_pause.paused, failover_hold = v_hold,
            timeline = v_state.timeline
        where s.target_no = v_target.target_no;
    end if;
    v_claims := public.fn_iu_target_in_flight(v_target.target_no);
    return jsonb_build_object(
        'status', v_status, 'target_name', target_name, 'in_flight', v_claims.in_flight,
        'until', v_claims.until, 'failover_hold', v_hold
    );
end
$$;
comment on function public.fn_iu_delivery_target_pause(text, boolean, text) is
'Pauses a target, so that nothing of it is claimed, or resumes it; resuming also ends the hold after a
failover. Recorded with the reason in iu_delivery_target_history. Returns {"status" (paused, resumed,
unchanged), "target_name", "in_flight", "until", "failover_hold"}: in_flight deliveries were claimed before
and may still be sent, at the latest until their lease ends. Raises IU104, IU303, IU603. Waits for calls that
claim and record deliveries of the target.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_target_pause(text, boolean, text)', 'operate'
);

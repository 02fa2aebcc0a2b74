create or replace function public.fn_iu_delivery_target_enable(
    target_name text, enabled boolean, reason text
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
    v_status text;
    v_claims record;
begin
    perform public.fn_iu_argument_require('reason', reason, 2000);
    perform public.fn_iu_argument_require('enabled', enabled::text, 5);
    perform public.fn_iu_delivery_isolation_require();
    v_target := public.fn_iu_target_require(target_name);
    -- A claim that looked at the target before has this lock, and is counted below.
    perform public.fn_iu_target_state_lock(v_target.target_no);
    perform set_config('iu.config_reason', reason, true);
    update public.iu_delivery_target as t set enabled = fn_iu_delivery_target_enable.enabled
    where t.target_no = v_target.target_no and t.enabled <> fn_iu_delivery_target_enable.enabled;
    v_status := case when not found then 'unchanged' when enabled then 'enabled' else 'disabled' end;
    perform set_config('iu.config_reason', v_reason_before, true);
    v_claims := public.fn_iu_target_in_flight(v_target.target_no);
    return jsonb_build_object(
        'status', v_status, 'target_name', target_name, 'in_flight', v_claims.in_flight,
        'until', v_claims.until
    );
end
$$;
comment on function public.fn_iu_delivery_target_enable(text, boolean, text) is
'Enables a target, or disables it, so that nothing of it is claimed. Promotions to it stay in force. Recorded
with the reason in iu_delivery_target_history. Returns {"status" (enabled, disabled, unchanged),
"target_name", "in_flight", "until"}: in_flight deliveries were claimed before and may still be sent, at the
latest until their lease ends. Raises IU104, IU303, IU603. Waits for calls that claim and record deliveries of
the target.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_target_enable(text, boolean, text)', 'operate'
);

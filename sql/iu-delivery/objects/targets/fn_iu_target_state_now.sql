create or replace function public.fn_iu_target_state_now(
    given public.iu_delivery_target, stored public.iu_delivery_target_state
)
returns public.iu_delivery_target_state
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_state public.iu_delivery_target_state := stored;
    v_timeline constant text := public.fn_iu_server_timeline();
    v_now constant timestamptz := clock_timestamp();
begin
    if v_state.timeline <> v_timeline then
        v_state.failover_hold := v_state.failover_hold
            or (v_state.timeline <> '' and given.after_failover = 'hold');
        v_state.timeline := v_timeline;
    end if;
    v_state.tokens := public.fn_iu_target_tokens(
        v_state.tokens, v_state.refilled_at, given.max_per_minute, v_now
    );
    v_state.refilled_at := v_now;
    return v_state;
end
$$;
comment on function public.fn_iu_target_state_now(
    public.iu_delivery_target, public.iu_delivery_target_state
) is
'The stored state of a target as it is at this moment: tokens refilled until refilled_at, which is now, and
held if the timeline of the server changed and the target says so. Writes nothing.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function',
    'public.fn_iu_target_state_now(public.iu_delivery_target, public.iu_delivery_target_state)', 'internal'
);

create or replace function public.fn_iu_target_state_refusal(
    given public.iu_delivery_target, state public.iu_delivery_target_state
)
returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return case
        when not given.enabled then 'target_disabled'
        when state.paused then 'target_paused'
        when state.failover_hold then 'failover_hold'
        when state.breaker <> 'closed' and state.retry_at > clock_timestamp() then 'breaker_open'
        when state.tokens < 1 then 'rate_limit'
    end;
end
$$;
comment on function public.fn_iu_target_state_refusal(
    public.iu_delivery_target, public.iu_delivery_target_state
) is
'Why nothing is claimed for a target now, whatever the gates are, in one word; null if something may be. The
words are: target_disabled, target_paused, failover_hold, breaker_open, rate_limit. state is what
fn_iu_target_state_now returns. Read-only.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function',
    'public.fn_iu_target_state_refusal(public.iu_delivery_target, public.iu_delivery_target_state)',
    'internal'
);

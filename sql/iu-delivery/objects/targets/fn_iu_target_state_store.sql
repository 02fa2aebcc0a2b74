create or replace function public.fn_iu_target_state_store(given public.iu_delivery_target_state)
returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    update public.iu_delivery_target_state as s
    set breaker = given.breaker, failures = given.failures, half_open_failures = given.half_open_failures,
        retry_at = given.retry_at, tokens = given.tokens, refilled_at = given.refilled_at,
        timeline = given.timeline, failover_hold = given.failover_hold
    where s.target_no = given.target_no;
end
$$;
comment on function public.fn_iu_target_state_store(public.iu_delivery_target_state) is
'Writes the breaker, the bucket and the timeline of a target back. The caller holds the lock of its state.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_target_state_store(public.iu_delivery_target_state)', 'internal'
);

create or replace function public.fn_iu_delivery_claim_lock(
    target text, batch_limit int, sender text, run_ref text, plan_no int, delivery_keys text[],
    out given public.iu_delivery_target, out due public.iu_delivery[]
)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    v_state public.iu_delivery_target_state;
    v_shards smallint [];
begin
    perform public.fn_iu_delivery_limit_require(batch_limit, 1000);
    perform public.fn_iu_argument_require('sender', sender, 100);
    if run_ref is not null then
        perform public.fn_iu_argument_require('run_ref', run_ref, 200);
    end if;
    perform public.fn_iu_delivery_isolation_require();
    given := public.fn_iu_target_require(target);
    perform public.fn_iu_target_sender_require(given);
    -- Nothing is locked or written unless something is due.
    if not public.fn_iu_delivery_is_due(given.target_no) then
        return;
    end if;
    v_state := public.fn_iu_target_state_lock(given.target_no);
    given := public.fn_iu_target_require(target);
    v_state := public.fn_iu_target_state_now(given, v_state);
    if public.fn_iu_target_refusal(given, v_state) is not null then
        return;
    end if;
    if v_state.breaker <> 'closed' then
        -- One delivery goes through. The next may when its outcome is recorded or its lease has passed.
        v_state.breaker := 'half_open';
        v_state.retry_at := v_state.refilled_at + make_interval(secs => given.lease_seconds);
        batch_limit := 1;
    end if;
    -- Deliveries that are named are claimed in every shard: shards only keep senders out of each other's way.
    if delivery_keys is null then
        v_shards := public.fn_iu_delivery_shards_lease(given, sender);
    else
        v_shards := array(select generate_series(0, 63)::smallint);
    end if;
    due := public.fn_iu_delivery_due_lock(
        given, v_shards, least(batch_limit, floor(v_state.tokens))::int, v_state.refilled_at, plan_no,
        delivery_keys
    );
    if cardinality(due) > 0 then
        v_state.tokens := v_state.tokens - cardinality(due);
        perform public.fn_iu_target_state_store(v_state);
    end if;
end
$$;
comment on function public.fn_iu_delivery_claim_lock(text, int, text, text, int, text[]) is
'The part that all claims share: checks the arguments and the login, asks everything that may refuse a claim,
leases shards unless delivery_keys are given, takes tokens, and returns the target and the due heads to claim,
locked until the end of the transaction; with plan_no or delivery_keys only those that these name. due is null
or empty if nothing is to be claimed. Raises what fn_iu_delivery_claim raises.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_claim_lock(text, int, text, text, int, text[])',
    'internal'
);

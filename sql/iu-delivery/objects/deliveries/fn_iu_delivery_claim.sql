create or replace function public.fn_iu_delivery_claim(
    target text, batch_limit int, sender text, run_ref text default null
)
returns table (
    claim_id bigint, fence int, delivery_key text, event_id uuid, route_code text, subject uuid,
    subject_no bigint, attempt_no int, lease_seconds int, address text, headers json, body text
)
language plpgsql volatile security definer rows 200
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
#variable_conflict use_variable
declare
    v_target public.iu_delivery_target;
    v_state public.iu_delivery_target_state;
    v_shards smallint [];
    v_due public.iu_delivery [];
begin
    perform public.fn_iu_delivery_limit_require(batch_limit, 1000);
    perform public.fn_iu_argument_require('sender', sender, 100);
    if run_ref is not null then
        perform public.fn_iu_argument_require('run_ref', run_ref, 200);
    end if;
    perform public.fn_iu_delivery_isolation_require();
    v_target := public.fn_iu_target_require(target);
    perform public.fn_iu_target_sender_require(v_target);
    -- Nothing is locked or written unless something is due.
    if not public.fn_iu_delivery_is_due(v_target.target_no) then
        return;
    end if;
    v_state := public.fn_iu_target_state_lock(v_target.target_no);
    v_target := public.fn_iu_target_require(target);
    v_state := public.fn_iu_target_state_now(v_target, v_state);
    if public.fn_iu_target_refusal(v_target, v_state) is not null then
        return;
    end if;
    if v_state.breaker <> 'closed' then
        -- One delivery goes through. The next may when its outcome is recorded or its lease has passed.
        v_state.breaker := 'half_open';
        v_state.retry_at := v_state.refilled_at + make_interval(secs => v_target.lease_seconds);
        batch_limit := 1;
    end if;
    v_shards := public.fn_iu_delivery_shards_lease(v_target, sender);
    v_due := public.fn_iu_delivery_due_lock(
        v_target, v_shards, least(batch_limit, floor(v_state.tokens))::int, v_state.refilled_at
    );
    if cardinality(v_due) > 0 then
        v_state.tokens := v_state.tokens - cardinality(v_due);
        perform public.fn_iu_target_state_store(v_state);
        return query select * from public.fn_iu_delivery_claims_chain(v_target, v_due, sender, run_ref);
    end if;
end
$$;
comment on function public.fn_iu_delivery_claim(text, int, text, text) is
'Claims at most batch_limit due deliveries of a target for a sender, and records the intent to send each. One
row a claim: fence and attempt_no count the claims of the delivery; lease_seconds is how long the claim is
valid from the moment the caller asked; headers and body are what to send, without a signature. No row if
nothing is due, or if fn_iu_delivery_why has a reason. Commit before sending. The session sets iu.deployment
to what the promotion names. Raises IU104, IU301 (batch_limit outside 1 to 1000), IU201 for a login that may
not deliver to the target, IU303, IU603, IU604. Claims of a target are serialized; deliveries that others have
locked are skipped. Writes nothing if nothing is due.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_claim(text, int, text, text)', 'deliver'
);

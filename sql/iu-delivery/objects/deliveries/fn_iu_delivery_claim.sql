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
    v_locked constant record := public.fn_iu_delivery_claim_lock(
        target, batch_limit, sender, run_ref, null, null
    );
begin
    if cardinality(v_locked.due) > 0 then
        return query
        select * from public.fn_iu_delivery_claims_chain(v_locked.given, v_locked.due, sender, run_ref);
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

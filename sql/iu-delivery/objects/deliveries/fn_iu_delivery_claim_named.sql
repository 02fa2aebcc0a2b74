create or replace function public.fn_iu_delivery_claim_named(
    target text, delivery_keys text[], sender text, run_ref text default null
)
returns table (
    claim_id bigint, fence int, delivery_key text, event_id uuid, route_code text, subject uuid,
    subject_no bigint, attempt_no int, lease_seconds int, address text, headers json, body text
)
language plpgsql volatile security definer rows 50
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
#variable_conflict use_variable
declare
    v_locked record;
begin
    perform public.fn_iu_delivery_keys_require(delivery_keys);
    v_locked := public.fn_iu_delivery_claim_lock(target, 1000, sender, run_ref, null, delivery_keys);
    if cardinality(v_locked.due) > 0 then
        return query
        select * from public.fn_iu_delivery_claims_chain(v_locked.given, v_locked.due, sender, run_ref);
    end if;
end
$$;
comment on function public.fn_iu_delivery_claim_named(text, text[], text, text) is
'As fn_iu_delivery_claim, but claims only the deliveries that keys name, 1 to 1,000: those of them that are
heads and due. The same gates, promotions, rates and breaker apply. No shard is leased, so the caller may
claim in each: two callers never get the same delivery. For programs that start work for each delivery, such
as runs of Dagster. Raises what fn_iu_delivery_claim raises, IU104 for what is no key.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_claim_named(text, text[], text, text)', 'deliver'
);

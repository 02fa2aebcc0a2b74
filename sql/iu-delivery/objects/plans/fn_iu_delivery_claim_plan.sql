create or replace function public.fn_iu_delivery_claim_plan(
    plan_hash text, batch_limit int, sender text, run_ref text default null
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
    v_plan constant public.iu_delivery_plan := public.fn_iu_delivery_plan_require(plan_hash, array['drain']);
    v_locked record;
begin
    v_locked := public.fn_iu_delivery_claim_lock(
        (select t.target_name from public.iu_delivery_target as t where t.target_no = v_plan.target_no),
        batch_limit, sender, run_ref, v_plan.plan_no, null
    );
    if cardinality(v_locked.due) > 0 then
        return query
        select * from public.fn_iu_delivery_claims_chain(v_locked.given, v_locked.due, sender, run_ref);
    end if;
end
$$;
comment on function public.fn_iu_delivery_claim_plan(text, int, text, text) is
'As fn_iu_delivery_claim, but claims only deliveries that a plan of kind drain names: those of them that are
heads and due. What arrived after the plan is never claimed. The same gates, promotions, rates and breaker
apply. Several senders may execute one plan at once. fn_iu_delivery_plan_progress tells what is left. Raises
what fn_iu_delivery_claim raises, IU104 for another kind of plan, IU206 if there is no plan with this hash.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_claim_plan(text, int, text, text)', 'deliver'
);

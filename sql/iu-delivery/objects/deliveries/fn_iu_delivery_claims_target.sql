-- enable_seqscan, enable_bitmapscan, enable_hashjoin and enable_mergejoin off: each claim and each ledger row
-- is one probe (decision 011).
create or replace function public.fn_iu_delivery_claims_target(claim_ids bigint[])
returns public.iu_delivery_target
language plpgsql stable
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
    v_target public.iu_delivery_target;
    v_facts record;
begin
    select count(distinct l.target_no) as targets, min(l.target_no) as target_no,
        bool_or(c.claim_id is null) as is_unknown,
        min(a.claim_id) filter (where c.claim_id is null) as unknown,
        min(a.claim_id) filter (where l.login <> session_user) as claim_id
    into v_facts
    from unnest(claim_ids) as a (claim_id)
    left join public.iu_delivery_claim as c on c.claim_id = a.claim_id
    left join public.iu_delivery_ledger as l on l.ledger_no = c.ledger_no;
    if v_facts.is_unknown then
        raise exception 'unknown claim %', coalesce(v_facts.unknown::text, 'null') using
            errcode = 'IU605', hint = 'Record only claims that fn_iu_delivery_claim returned here.';
    elsif v_facts.claim_id is not null then
        raise exception 'claim % was made by another login than %', v_facts.claim_id, session_user using
            errcode = 'IU201', hint = 'The login that claims a delivery records its outcome.';
    elsif v_facts.targets > 1 then
        raise exception 'the claims are of % targets', v_facts.targets using
            errcode = 'IU104', hint = 'Give the claims of each target in a call of its own.';
    end if;
    select t.* into v_target from public.iu_delivery_target as t where t.target_no = v_facts.target_no;
    return v_target;
end
$$;
comment on function public.fn_iu_delivery_claims_target(bigint[]) is
'The target of claims of the login of the session. Raises IU605 for an unknown claim, IU201 for a claim of
another login, IU104 if they are of several targets. Read-only.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_claims_target(bigint[])', 'internal'
);

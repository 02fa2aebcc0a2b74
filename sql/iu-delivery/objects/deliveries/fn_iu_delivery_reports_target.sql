-- enable_seqscan, enable_bitmapscan, enable_hashjoin and enable_mergejoin off: each ledger row is one probe
-- (decision 011).
create or replace function public.fn_iu_delivery_reports_target(reports public.iu_delivery_report[])
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
    v_unknown constant bigint := (select min(r.claim_id) from unnest(reports) as r where r.route_no is null);
    v_facts record;
begin
    if v_unknown is not null then
        raise exception 'unknown claim %', v_unknown using
            errcode = 'IU605', hint = 'Record only claims that fn_iu_delivery_claim returned here.';
    end if;
    select count(distinct l.target_no) as targets, min(l.target_no) as target_no,
        min(r.claim_id) filter (where l.login <> session_user) as claim_id
    into v_facts
    from unnest(reports) as r
    inner join public.iu_delivery_claim as c on c.claim_id = r.claim_id
    inner join public.iu_delivery_ledger as l on l.ledger_no = c.ledger_no;
    if v_facts.claim_id is not null then
        raise exception 'claim % was made by another login than %', v_facts.claim_id, session_user using
            errcode = 'IU201', hint = 'The login that claims a delivery records its outcome.';
    elsif v_facts.targets > 1 then
        raise exception 'the outcomes are about % targets', v_facts.targets using
            errcode = 'IU104', hint = 'Record the outcomes of each target in a call of its own.';
    end if;
    select t.* into v_target from public.iu_delivery_target as t where t.target_no = v_facts.target_no;
    return v_target;
end
$$;
comment on function public.fn_iu_delivery_reports_target(public.iu_delivery_report[]) is
'The target of outcomes. Raises IU605 for an unknown claim, IU201 for a claim of another login, IU104 if they
are about several targets.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_reports_target(public.iu_delivery_report[])', 'internal'
);

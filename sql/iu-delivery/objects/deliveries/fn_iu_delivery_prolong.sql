-- enable_seqscan and enable_bitmapscan off: the deliveries are changed by their places (decision 011).
create or replace function public.fn_iu_delivery_prolong(claim_ids bigint[])
returns int
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set row_security = off
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
as $$
#variable_conflict use_variable
declare
    v_target public.iu_delivery_target;
    v_places tid [];
    v_prolonged int;
begin
    perform public.fn_iu_login_require('iu_sender', 'IU201');
    perform public.fn_iu_delivery_limit_require(cardinality(claim_ids), 1000);
    v_target := public.fn_iu_delivery_claims_target(claim_ids);
    select public.fn_iu_delivery_places(array_agg(c.route_no), array_agg(c.event_seq)) into v_places
    from public.iu_delivery_claim as c where c.claim_id = any (claim_ids);
    -- What another transaction has locked is being claimed or recorded.
    v_places := array(
        select d.ctid from public.iu_delivery as d
        where d.ctid = any (v_places) and (d.claim_id + 0) = any (claim_ids) and d.dead_at is null
        for no key update skip locked
    );
    update public.iu_delivery as d
    set due_at = greatest(d.due_at, clock_timestamp() + make_interval(secs => v_target.lease_seconds))
    where d.ctid = any (v_places);
    get diagnostics v_prolonged = row_count;
    return v_prolonged;
end
$$;
comment on function public.fn_iu_delivery_prolong(bigint[]) is
'Prolongs the leases of 1 to 1,000 claims of one target by the lease of the target from now on, and returns
how many: those that are the newest of their delivery and have no outcome. For work that goes on longer than a
lease. Raises IU104, IU201 for a claim of another login, IU301, IU605. A lease that has passed is valid again
unless the delivery was claimed again.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_prolong(bigint[])', 'deliver'
);

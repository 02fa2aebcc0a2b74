-- enable_seqscan, enable_hashjoin and enable_mergejoin off: each claim is a few probes (decision 072).
create or replace function public.fn_iu_delivery_unpromoted(from_claim_id bigint, to_claim_id bigint)
returns setof bigint
language sql stable rows 1
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
    select c.claim_id
    from public.iu_delivery_claim as c
    left join public.iu_delivery_ledger as l on l.ledger_no = c.ledger_no
    left join public.iu_route_promotion as p on p.promotion_no = c.promotion_no
    left join public.iu_route_promotion_decision as a
        on a.promotion_no = p.promotion_no and a.decision = 'approve'
    left join public.iu_route_promotion_decision as e
        on e.promotion_no = p.promotion_no and e.decision = 'demote'
    where c.claim_id between from_claim_id and to_claim_id and not coalesce(
        p.route_no = c.route_no and p.target_no = l.target_no and a.decided_by <> p.proposed_by
        and a.decided_at <= l.recorded_at
        -- The call that made the claim looked before it recorded.
        and l.recorded_at < least(a.decided_at + p.valid_for, e.decided_at) + interval '1 minute', false
    )
    order by c.claim_id
$$;
comment on function public.fn_iu_delivery_unpromoted(bigint, bigint) is
'The claims in a range that no valid promotion covers: none that another person approved before, for this
route and target, or one that had expired or was demoted more than a minute before. Read-only.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_unpromoted(bigint, bigint)', 'explain'
);

-- Proof of 020: the chains fit, and no promotion is in force that one person made alone or that nobody
-- approved.
select public.fn_iu_proof_note('entries of the chains that do not fit', 'none', coalesce((
    select string_agg(format('%s %s: %s', v.ledger, v.misfit_no, v.fault), ', ' order by v.ledger)
    from public.fn_iu_promotion_chains_verify() as v
    where v.fault is not null
), 'none'));
select public.fn_iu_proof_note('promotions that one login proposed and approved', '0', (
    select count(*)::text from public.iu_route_promotion as p
    inner join public.iu_route_promotion_decision as d on d.promotion_no = p.promotion_no
    where d.decision = 'approve' and (d.decided_by = p.proposed_by or d.proposed_by <> p.proposed_by)
));
select public.fn_iu_proof_note('live routes that no approval put in force', 'none', coalesce((
    select string_agg(r.route_code, ', ' order by r.route_code) from public.iu_delivery_route as r
    inner join public.iu_route_promotion as p on p.promotion_no = r.promotion_no
    where not exists (
        select from public.iu_route_promotion_decision as d
        where
            d.promotion_no = r.promotion_no and d.decision = 'approve'
            and r.expires_at <= d.decided_at + make_interval(
                secs => extract(epoch from p.valid_for)::double precision
            )
    )
    or p.route_no <> r.route_no or p.target_no <> r.target_no
), 'none'));
select public.fn_iu_proof_note('demoted promotions that are not held', 'none', coalesce((
    select string_agg(r.route_code, ', ' order by r.route_code) from public.iu_delivery_route as r
    inner join public.iu_route_promotion_decision as d on d.promotion_no = r.promotion_no
    where d.decision = 'demote' and r.held_reason is null
), 'none'));
select public.fn_iu_proof_end('iu-delivery/020_promotions');

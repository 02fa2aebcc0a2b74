-- Proof of 020: no promotion is in force that one person made alone.
select public.fn_iu_proof_note('promotions that one login proposed and approved', '0', (
    select count(*)::text from public.iu_route_promotion as p
    inner join public.iu_route_promotion_decision as d on d.promotion_no = p.promotion_no
    where d.decision = 'approve' and d.decided_by = p.proposed_by
));
select public.fn_iu_proof_end('iu-delivery/020_promotions');

-- Proof of 030: every subject that has deliveries has a head.
select public.fn_iu_proof_note('queued subjects without a head', '0', (
    select count(*)::text from (
        select from public.iu_delivery as d
        where d.dead_at is null
        group by d.route_no, d.subject
        having not exists (
            select from public.iu_delivery as h
            where h.route_no = d.route_no and h.subject = d.subject and h.is_head
        )
    ) as s
));
select public.fn_iu_proof_end('iu-delivery/030_queue');

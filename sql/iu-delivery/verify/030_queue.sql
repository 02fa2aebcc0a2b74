-- Proof of 030: each event is in one state, each subject has a head, and the chains of the record are whole.
do $proof$
declare
    v_chain constant jsonb := public.fn_iu_delivery_chain_verify(1000);
begin
    perform public.fn_iu_proof_note('queued subjects without a head', 'none', coalesce((
        select string_agg(format('%s of route %s', m.subject, m.route_code), ', ')
        from (select * from public.fn_iu_delivery_heads_missing() limit 10) as m
    ), 'none'));
    perform public.fn_iu_proof_note(
        'events without a state or with two, newest 10000 of each live route', 'none',
        coalesce(public.fn_iu_delivery_misfit(10000), 'none')
    );
    perform public.fn_iu_proof_note(
        'chains of batches, ledger and claims, newest 1000 rows', 'fit', coalesce(v_chain ->> 'fault', 'fit')
    );
    perform public.fn_iu_proof_note(
        'rounds of retention that dropped what they do not say', 'none', coalesce((
            select string_agg(h.retention_no::text, ', ' order by h.retention_no)
            from (
                select * from public.iu_delivery_retention_history order by retention_no desc limit 1000
            ) as h
            where h.retention_days < 1 or octet_length(h.rows_hash) <> 32
        ), 'none')
    );
    perform public.fn_iu_proof_end('iu-delivery/030_queue');
end
$proof$;

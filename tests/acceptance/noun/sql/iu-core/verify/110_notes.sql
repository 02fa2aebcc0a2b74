-- Proof of 110: every note refers to an existing event.
do $proof$
begin
    perform public.fn_iu_proof_note('notes about events that do not exist', 'none', coalesce((
        select string_agg(n.note_id::text, ', ' order by n.note_id) from public.iu_note as n
        where not exists (select from public.event_outbox as o where o.event_id = n.event_id)
    ), 'none'));
    perform public.fn_iu_proof_end('110_notes');
end
$proof$;

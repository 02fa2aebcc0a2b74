create or replace function public.fn_iu_delivery_claim_content(entry public.iu_delivery_claim)
returns bytea
language sql stable parallel safe
return convert_to(concat_ws(
    '|', (entry).claim_id, (entry).event_seq, (entry).event_id, (entry).subject, (entry).subject_no,
    (entry).route_no, (entry).attempt_no, (entry).promotion_no, encode((entry).body_hash, 'hex')
), 'UTF8');
comment on function public.fn_iu_delivery_claim_content(public.iu_delivery_claim) is
'The columns of a claim as they enter entries_hash of the ledger.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_claim_content(public.iu_delivery_claim)', 'internal'
);

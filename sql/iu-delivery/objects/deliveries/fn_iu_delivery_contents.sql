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

create or replace function public.fn_iu_delivery_outcome_content(entry public.iu_delivery_outcome)
returns bytea
language sql stable parallel safe
return convert_to(concat_ws(
    '|', (entry).claim_id, coalesce(cast((entry).status_code as text), ''),
    coalesce(cast((entry).latency_ms as text), ''),
    coalesce(cast((entry).retry_after_seconds as text), ''), (entry).stale, (entry).decision,
    coalesce(encode((entry).response_hash, 'hex'), ''), coalesce((entry).error_detail, '')
), 'UTF8');
comment on function public.fn_iu_delivery_outcome_content(public.iu_delivery_outcome) is
'The columns of an outcome as they enter entries_hash of the ledger.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_outcome_content(public.iu_delivery_outcome)', 'internal'
);

create or replace function public.fn_iu_delivery_decision_content(entry public.iu_delivery_decision)
returns bytea
language sql stable parallel safe
return convert_to(concat_ws(
    '|', (entry).decision_no, (entry).route_no, (entry).event_seq, (entry).event_id, (entry).decision,
    (entry).reason, (entry).decided_by, extract(epoch from (entry).decided_at)
), 'UTF8');
comment on function public.fn_iu_delivery_decision_content(public.iu_delivery_decision) is
'The columns of a decision as they enter entries_hash of the ledger.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_decision_content(public.iu_delivery_decision)', 'internal'
);

create or replace function public.fn_iu_delivery_outcome_content(entry public.iu_delivery_outcome)
returns bytea
language sql stable parallel safe
return convert_to(concat_ws(
    '|', (entry).claim_id, coalesce(cast((entry).status_code as text), ''),
    coalesce(cast((entry).latency_ms as text), ''),
    coalesce(cast((entry).retry_after_seconds as text), ''), (entry).stale, (entry).decision,
    coalesce(encode((entry).response_hash, 'hex'), ''), quote_nullable((entry).error_detail)
), 'UTF8');
comment on function public.fn_iu_delivery_outcome_content(public.iu_delivery_outcome) is
'The columns of an outcome as they enter entries_hash of the ledger.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_outcome_content(public.iu_delivery_outcome)', 'internal'
);

create or replace function public.fn_iu_delivery_decision_content(entry public.iu_delivery_decision)
returns bytea
language sql stable parallel safe
return convert_to(concat_ws(
    '|', (entry).decision_no, (entry).route_no, (entry).event_seq, (entry).event_id, (entry).decision,
    quote_literal((entry).reason), quote_literal((entry).decided_by), extract(epoch from (entry).decided_at)
), 'UTF8');
comment on function public.fn_iu_delivery_decision_content(public.iu_delivery_decision) is
'The columns of a decision as they enter entries_hash of the ledger.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function',
    'public.fn_iu_delivery_decision_content(public.iu_delivery_decision)', 'internal'
);

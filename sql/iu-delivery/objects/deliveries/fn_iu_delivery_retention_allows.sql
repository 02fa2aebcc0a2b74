create or replace function public.fn_iu_delivery_retention_allows(table_name text)
returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
    select table_name in (
        'iu_delivery_ledger', 'iu_delivery_claim', 'iu_delivery_outcome', 'iu_delivery_decision',
        'iu_delivery_batch'
    ) and exists (
        select from public.iu_delivery_retention_history as h
        where h.dropped_xid = pg_current_xact_id_if_assigned() and h.dropped_at >= transaction_timestamp()
    )
$$;
comment on function public.fn_iu_delivery_retention_allows(text) is
'Whether rows of an append-only table may be deleted now: only those of settled deliveries and batches, in a
transaction that has recorded it in iu_delivery_retention_history. Asked by fn_iu_append_only_refuse.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_retention_allows(text)', 'internal'
);

create or replace function public.fn_iu_delivery_ledger_hash(entry public.iu_delivery_ledger)
returns bytea
language sql stable parallel safe
return sha256(convert_to(
    concat_ws(
        '|', encode((entry).previous_hash, 'hex'), (entry).ledger_no, (entry).target_no, (entry).kind,
        coalesce((entry).target_version, 0), (entry).entries, quote_nullable((entry).sender),
        quote_nullable((entry).run_ref), quote_literal((entry).login), coalesce((entry).lease_seconds, 0),
        extract(epoch from (entry).recorded_at), encode((entry).entries_hash, 'hex')
    ), 'UTF8'
));
comment on function public.fn_iu_delivery_ledger_hash(public.iu_delivery_ledger) is
'sha256 of the columns of a row of the ledger and of previous_hash, the row_hash of the previous row of the
target. The hashes form a chain, so that a changed, removed or moved row is detected.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_ledger_hash(public.iu_delivery_ledger)', 'explain'
);

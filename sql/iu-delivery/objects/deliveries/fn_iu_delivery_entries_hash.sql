-- enable_seqscan off: the entries are a range of the primary key (decision 011).
create or replace function public.fn_iu_delivery_entries_hash(kind text, ledger_no bigint, from_no bigint)
returns bytea
language plpgsql stable
set search_path = pg_catalog, pg_temp
set row_security = off
set jit = off
set enable_seqscan = off
as $$
#variable_conflict use_variable
begin
    return (
        select sha256(coalesce(string_agg(e.content, '\x0a'::bytea order by e.entry_no), ''))
    from (
        select c.claim_id as entry_no, public.fn_iu_delivery_claim_content(c) as content
        from public.iu_delivery_claim as c
        where kind = 'claims' and c.claim_id >= from_no
            and c.ledger_no = fn_iu_delivery_entries_hash.ledger_no
        union all
        select o.claim_id, public.fn_iu_delivery_outcome_content(o) from public.iu_delivery_outcome as o
        where kind = 'outcomes' and o.claim_id >= from_no
            and o.ledger_no = fn_iu_delivery_entries_hash.ledger_no
        union all
        select d.decision_no, public.fn_iu_delivery_decision_content(d)
        from public.iu_delivery_decision as d
        where kind = 'decisions' and d.decision_no >= from_no
            and d.ledger_no = fn_iu_delivery_entries_hash.ledger_no
    ) as e
    );
end
$$;
comment on function public.fn_iu_delivery_entries_hash(text, bigint, bigint) is
'sha256 of the claims, outcomes or decisions of a row of the ledger, in the order of their numbers. from_no is
a number that is not above the first of them: it bounds the scan. Read-only.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_entries_hash(text, bigint, bigint)', 'explain'
);

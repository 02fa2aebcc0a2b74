-- enable_seqscan off: rows are found by the ranges of ledger_no (decision 072).
create or replace function public.fn_iu_delivery_entries_verify(from_no bigint, to_no bigint)
returns table (ledger_rows bigint, entries bigint, fault text)
language sql stable rows 1
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
as $$
    with entry (ledger_no, kind, n, hash) as (
        select c.ledger_no, 'claims', count(*), sha256(string_agg(
            public.fn_iu_delivery_claim_content(c), '\x0a'::bytea order by c.claim_id
        ))
        from public.iu_delivery_claim as c where c.ledger_no between from_no and to_no group by c.ledger_no
        union all
        select o.ledger_no, 'outcomes', count(*), sha256(string_agg(
            public.fn_iu_delivery_outcome_content(o), '\x0a'::bytea order by o.claim_id
        ))
        from public.iu_delivery_outcome as o where o.ledger_no between from_no and to_no group by o.ledger_no
        union all
        select d.ledger_no, 'decisions', count(*), sha256(string_agg(
            public.fn_iu_delivery_decision_content(d), '\x0a'::bytea order by d.decision_no
        ))
        from public.iu_delivery_decision as d where d.ledger_no between from_no and to_no group by d.ledger_no
    ),

    compared as (
        select l.ledger_no is not null as is_row, coalesce(e.n, 0) as n,
            coalesce(l.ledger_no, e.ledger_no) as ledger_no, case
                when l.ledger_no is null then format('%s of row %s of the ledger, which is missing',
                    e.kind, e.ledger_no)
                when l.kind <> e.kind then format('%s of row %s of the ledger, which is about %s',
                    e.kind, e.ledger_no, l.kind)
                when coalesce(e.n, 0) <> l.entries then format(
                    '%s of %s %s of row %s of the ledger are there',
                    coalesce(e.n, 0), l.entries, l.kind, l.ledger_no)
                when e.hash <> l.entries_hash then format('%s of row %s of the ledger were altered',
                    l.kind, l.ledger_no)
            end as fault
        from (select * from public.iu_delivery_ledger as b where b.ledger_no between from_no and to_no) as l
        full join entry as e on e.ledger_no = l.ledger_no
    )

    select count(*) filter (where c.is_row), coalesce(sum(c.n), 0)::bigint,
        (array_agg(c.fault order by c.ledger_no) filter (where c.fault is not null))[1]
    from compared as c
$$;
comment on function public.fn_iu_delivery_entries_verify(bigint, bigint) is
'Compares the rows of the ledger in a range with the claims, outcomes and decisions that have their numbers:
count, kind and hash. fault is a sentence about the first that differs, or null. Read-only.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_entries_verify(bigint, bigint)', 'internal'
);

-- enable_seqscan off: rows are read in the order of the ledger, their entries by its numbers (decision 072).
create or replace function public.fn_iu_delivery_ledger_drop(
    target_no int, entry_limit int, days int, reason text
)
returns public.iu_delivery_retention_history
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
as $$
#variable_conflict use_variable
declare
    v_until constant timestamptz := clock_timestamp() - make_interval(days => days);
    v_nos bigint [];
    v_stop bigint;
    v_round public.iu_delivery_retention_history;
begin
    v_nos := array(
        select l.ledger_no from (
            select b.ledger_no, b.recorded_at, sum(b.entries) over (order by b.ledger_no) as entries
            from (
                select * from public.iu_delivery_ledger as r
                where r.target_no = fn_iu_delivery_ledger_drop.target_no
                order by r.ledger_no limit entry_limit
            ) as b
        ) as l
        where l.recorded_at < v_until and l.entries <= greatest(entry_limit, 1000)
        order by l.ledger_no
    );
    v_stop := public.fn_iu_delivery_ledger_stop(v_nos[1], v_nos[cardinality(v_nos)]);
    v_nos := array(select n from unnest(v_nos) as n where n < coalesce(v_stop, n + 1) order by n);
    v_round.ledger_rows := cardinality(v_nos);
    if v_round.ledger_rows = 0 then
        return v_round;
    end if;
    select sha256(string_agg(l.row_hash, ''::bytea order by l.ledger_no)),
        coalesce(sum(l.entries) filter (where l.kind = 'claims'), 0),
        coalesce(sum(l.entries) filter (where l.kind = 'outcomes'), 0),
        coalesce(sum(l.entries) filter (where l.kind = 'decisions'), 0)
    into v_round.rows_hash, v_round.claims, v_round.outcomes, v_round.decisions
    from public.iu_delivery_ledger as l where l.ledger_no = any (v_nos);
    insert into public.iu_delivery_retention_history (
        target_no, through_no, through_hash, ledger_rows, claims, outcomes, decisions, rows_hash,
        retention_days, reason
    )
    select target_no, l.ledger_no, l.row_hash, v_round.ledger_rows, v_round.claims, v_round.outcomes,
        v_round.decisions, v_round.rows_hash, days, reason
    from public.iu_delivery_ledger as l where l.ledger_no = v_nos[cardinality(v_nos)];
    delete from public.iu_delivery_claim as c
    where c.ledger_no between v_nos[1] and v_nos[cardinality(v_nos)] and c.ledger_no = any (v_nos);
    delete from public.iu_delivery_outcome as o
    where o.ledger_no between v_nos[1] and v_nos[cardinality(v_nos)] and o.ledger_no = any (v_nos);
    delete from public.iu_delivery_decision as d
    where d.ledger_no between v_nos[1] and v_nos[cardinality(v_nos)] and d.ledger_no = any (v_nos);
    delete from public.iu_delivery_ledger as l where l.ledger_no = any (v_nos);
    return v_round;
end
$$;
comment on function public.fn_iu_delivery_ledger_drop(int, int, int, text) is
'Deletes the oldest rows of the ledger of a target with their claims, outcomes and decisions, about
entry_limit of them, up to the first that is younger than the given days or about an event that is still
there (fn_iu_delivery_ledger_stop). Records the round before it deletes, and returns it; ledger_rows is 0 if
nothing is deleted. The caller holds fn_iu_retention_lock.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_ledger_drop(int, int, int, text)', 'internal'
);

create or replace function public.fn_iu_delivery_outcomes_write(
    given public.iu_delivery_target, reports public.iu_delivery_report[]
)
returns public.iu_delivery_report[]
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_entry public.iu_delivery_ledger;
    v_written bigint [];
begin
    -- The lock first, so that the numbers of the ledger of a target are in the order of its chain.
    perform public.fn_iu_target_state_lock(given.target_no);
    v_entry.ledger_no := nextval('public.iu_delivery_ledger_ledger_no_seq');
    v_entry.target_no := given.target_no;
    v_entry.kind := 'outcomes';
    with written as (
        insert into public.iu_delivery_outcome as o (
            claim_id, ledger_no, status_code, latency_ms, retry_after_seconds, stale, decision,
            response_hash, error_detail
        )
        select r.claim_id, v_entry.ledger_no, r.status_code, r.latency_ms, r.retry_after_seconds,
            not r.is_current, r.decision, r.response_hash, r.error_detail
        from unnest(reports) as r
        where not r.is_known
        order by r.claim_id
        on conflict do nothing
        returning o.*
    )

    select count(*), sha256(coalesce(string_agg(
        public.fn_iu_delivery_outcome_content(w::public.iu_delivery_outcome), '\x0a'::bytea
        order by w.claim_id
    ), '')), array_agg(w.claim_id)
    into v_entry.entries, v_entry.entries_hash, v_written from written as w;
    if v_entry.entries > 0 then
        perform public.fn_iu_delivery_ledger_append(v_entry);
    end if;
    -- Another session may have recorded an outcome of the same claim since the outcomes were read.
    if v_entry.entries < (select count(*) from unnest(reports) as r where not r.is_known) then
        for v_place in 1..cardinality(reports) loop
            if array_position(v_written, reports[v_place].claim_id) is null then
                reports[v_place].is_known := true;
                reports[v_place].is_current := false;
            end if;
        end loop;
    end if;
    return reports;
end
$$;
comment on function public.fn_iu_delivery_outcomes_write(
    public.iu_delivery_target, public.iu_delivery_report[]
) is
'Inserts the outcomes that are not known yet, whatever became of their deliveries, and chains them in the
ledger. Returns the outcomes; is_known is true also for those that another session has recorded since they
were read. Locks the state of the target.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function',
    'public.fn_iu_delivery_outcomes_write(public.iu_delivery_target, public.iu_delivery_report[])', 'internal'
);

-- enable_seqscan off: each row is one probe (decision 011).
create or replace function public.fn_iu_delivery_ledger_verify(newest bigint)
returns jsonb
language plpgsql stable
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
as $$
declare
    v_last constant bigint := coalesce((select max(l.ledger_no) from public.iu_delivery_ledger as l), 0);
    v_from bigint := coalesce(case when newest is not null then (
        select l.ledger_no from public.iu_delivery_ledger as l
        order by l.ledger_no desc limit 1 offset newest - 1
    ) end, 0);
    v_to bigint := 999 + coalesce((
        select min(l.ledger_no) from public.iu_delivery_ledger as l where l.ledger_no >= v_from
    ), 0);
    v_part record;
    v_rows bigint := 0;
    v_entries bigint := 0;
    v_fault text := public.fn_iu_delivery_ledger_misfit(v_from);
begin
    -- In parts, so that the memory does not depend on the ledger. The last part has no end, so that an entry
    -- with a number beyond the ledger is found.
    while v_fault is null loop
        select e.* into strict v_part from public.fn_iu_delivery_entries_verify(
            v_from, case when v_to < v_last then v_to else 9223372036854775807 end
        ) as e;
        v_rows := v_rows + v_part.ledger_rows;
        v_entries := v_entries + v_part.entries;
        v_fault := v_part.fault;
        exit when v_to >= v_last;
        v_from := v_to + 1;
        v_to := v_to + 1000;
    end loop;
    return jsonb_build_object('ledger_rows', v_rows, 'entries', v_entries, 'fault', v_fault);
end
$$;
comment on function public.fn_iu_delivery_ledger_verify(bigint) is
'The part of fn_iu_delivery_chain_verify about the ledger: {"ledger_rows", "entries", "fault"}.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_ledger_verify(bigint)', 'internal'
);

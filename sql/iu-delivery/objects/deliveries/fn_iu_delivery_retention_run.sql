create or replace function public.fn_iu_delivery_retention_run(
    reason text default 'retention', entry_limit int default 5000
)
returns jsonb
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set row_security = off
set lock_timeout = '500ms'
as $$
declare
    v_days constant int := public.fn_iu_retention_days();
    v_status text := case when v_days > 0 then 'ran' else 'retention_off' end;
    v_route public.iu_delivery_route;
    v_target_no int;
    v_round public.iu_delivery_retention_history;
    v_ledger_rows bigint := 0;
    v_entries bigint := 0;
    v_batches bigint := 0;
    v_decisions bigint := 0;
    v_more boolean := false;
begin
    perform public.fn_iu_argument_require('reason', reason, 2000);
    perform public.fn_iu_delivery_limit_require(entry_limit, 100000);
    perform public.fn_iu_delivery_isolation_require();
    if v_days > 0 and not public.fn_iu_retention_lock(for_round => true) then
        v_status := 'busy';
    end if;
    if v_status = 'ran' then
        for v_target_no in select t.target_no from public.iu_delivery_target as t order by t.target_no loop
            v_round := public.fn_iu_delivery_ledger_drop(v_target_no, entry_limit, v_days, reason);
            v_ledger_rows := v_ledger_rows + v_round.ledger_rows;
            v_entries := v_entries + coalesce(v_round.claims + v_round.outcomes + v_round.decisions, 0);
            v_more := v_more or v_round.ledger_rows > 0;
        end loop;
        for v_route in select r.* from public.iu_delivery_route as r order by r.route_no loop
            v_round := public.fn_iu_delivery_batches_drop(v_route, entry_limit, v_days, reason);
            v_batches := v_batches + v_round.batches;
            v_decisions := v_decisions + v_round.decisions;
            v_more := v_more or v_round.batches + v_round.decisions > 0;
        end loop;
    end if;
    return jsonb_build_object(
        'status', v_status, 'ledger_rows', v_ledger_rows, 'entries', v_entries, 'batches', v_batches,
        'outside_canary', v_decisions, 'more', v_more, 'retention_days', v_days
    );
end
$$;
comment on function public.fn_iu_delivery_retention_run(text, int) is
'One round of retention of what is known about settled deliveries: ledger, claims, outcomes, decisions and
batches that are older than iu_core.retention_days and about events that fn_iu_retention_run has deleted.
What is about an event that exists stays, so that conservation and fn_iu_delivery_why need no exception. For
each target and each route about entry_limit of the oldest; each round is recorded in
iu_delivery_retention_history, from which fn_iu_delivery_chain_verify goes on. Returns {"status" (ran,
retention_off, busy), "ledger_rows", "entries", "batches", "outside_canary", "more" (call again),
"retention_days"}. Raises IU104, IU301, IU303.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_retention_run(text, int)', 'operate'
);

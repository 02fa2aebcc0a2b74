create or replace function public.fn_iu_route_worker_run(
    worker_name text, batch_limit int, run_ref text default null
)
returns jsonb
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
#variable_conflict use_variable
declare
    -- Read before this transaction gets its id: transactions with later ids draw higher numbers (decision
    -- 016).
    v_drawn_seq constant bigint := case when pg_current_xact_id_if_assigned() is null
        then coalesce(pg_sequence_last_value('public.event_outbox_event_seq_seq'), 0) end;
    v_closed text;
    v_seen public.iu_route_worker_cursor;
    v_cursor public.iu_route_worker_cursor;
    v_restored_seq bigint;
    v_news boolean;
begin
    perform public.fn_iu_worker_name_require(worker_name);
    if batch_limit is null or batch_limit < 1 or batch_limit > 100000 then
        raise exception 'batch_limit % is not between 1 and 100000', coalesce(batch_limit::text, 'null') using
            errcode = 'IU301', hint = 'Give the largest number of events to read, for example 1000.';
    end if;
    if run_ref is not null then
        perform public.fn_iu_argument_require('run_ref', run_ref, 200);
    end if;
    v_closed := case
        when not public.fn_iu_gate_open(public.fn_iu_gate_key('master')) then 'master_gate_closed'
        when not public.fn_iu_gate_open(public.fn_iu_gate_key('worker')) then 'worker_gate_closed'
    end;
    v_seen := public.fn_iu_cursor_read(worker_name);
    if v_closed is null then
        if v_seen.worker_name is not null then
            v_restored_seq := public.fn_iu_cluster_require(v_seen);
            -- A run that writes assigns a transaction id and leaves an old version of the cursor, which
            -- vacuum cannot remove while any snapshot is held. So an idle run writes only once a minute
            -- (decision 016).
            v_news := public.fn_iu_cursor_has_news(v_seen, v_restored_seq);
            if not v_news
                and v_seen.last_run_at between clock_timestamp() - interval '1 minute' and clock_timestamp()
            then
                return public.fn_iu_worker_summary(
                    'ran', v_seen.cursor_event_id, v_seen.cursor_created_at, null
                );
            end if;
        end if;
        if current_setting('transaction_isolation') not like 'read %' then
            perform public.fn_iu_gates_recheck(
                array[public.fn_iu_gate_key('master'), public.fn_iu_gate_key('worker')]
            );
        end if;
        v_cursor := public.fn_iu_cursor_lock(worker_name);
        if v_cursor.worker_name is not null then
            if v_cursor.anchor_key is distinct from v_seen.anchor_key or v_cursor.retired_at is not null then
                v_restored_seq := public.fn_iu_cluster_require(v_cursor);
            end if;
            return public.fn_iu_batch_run(
                v_cursor, batch_limit, run_ref, v_drawn_seq, v_restored_seq, v_news
            );
        end if;
    end if;
    return public.fn_iu_worker_summary(
        coalesce(v_closed, 'worker_busy'), v_seen.cursor_event_id, v_seen.cursor_created_at, null
    );
end
$$;
comment on function public.fn_iu_route_worker_run(text, int, text) is
'Runs a worker once: reads at most batch_limit events after its cursor, writes one attempt for each event and
enabled route (or one with decision skipped), creates a dead letter for each failed attempt, records the batch
with run_ref, and moves the cursor, all in the caller''s transaction. Returns {"status", "seen",
"attempts_written", "skipped", "dead_lettered", "cursor_event_id", "cursor_created_at", "batch_id"}; status is
ran, master_gate_closed, worker_gate_closed, or worker_busy if another transaction has locked the cursor. A
run that finds no event writes nothing and assigns no transaction id, except once a minute, when it records
last_run_at. Raises IU104 for a malformed name or run_ref, and for a retired worker; IU301 for a batch_limit
outside 1 to 100000; IU302 if more than half of a batch, or of a series of small batches, fails; IU501 after a
restore or clone; 40001 above read committed if a gate or the cursor changed after the snapshot. Closing a
gate stops the next run, not one that has already checked it. Locks the worker''s cursor row and waits for no
other run and no round of retention; the first run of a new worker waits at most 50 ms for a round and then
returns worker_busy.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_route_worker_run(text, int, text)',
    'operate'
);

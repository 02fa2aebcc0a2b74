-- enable_seqscan off: a session may have cached a plan that was made when the outbox was small. With this
-- setting, the last event is always looked up by event_outbox_by_seq (decision 011).
create or replace function public.fn_iu_batch_run(
    given public.iu_route_worker_cursor, batch_limit int, run_ref text, drawn_seq bigint, restored_seq bigint,
    news boolean
)
returns jsonb
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
as $$
#variable_conflict use_variable
declare
    v_cursor public.iu_route_worker_cursor := given;
    v_asked public.iu_attempts_request;
    v_batch public.iu_route_batch;
    v_fresh boolean;
begin
    v_asked.restored_seq := restored_seq;
    v_asked.batch_limit := batch_limit;
    v_asked.leave_known := false;
    v_batch.worker_name := v_cursor.worker_name;
    v_batch.event_domain := v_cursor.event_domain;
    v_batch.run_ref := run_ref;
    v_batch.started_at := clock_timestamp();
    v_batch.previous_hash := v_cursor.last_batch_hash;
    -- A window that an earlier run left open may contain no more events. Then it is closed and the loop opens
    -- the next one, so that a run returns 0 events only if a new snapshot shows none (decision 016).
    loop
        v_fresh := v_cursor.window_snapshot is null;
        -- Events emitted by the current transaction are read only in a window that this call opens. An older
        -- window might not include events that others committed earlier. If drawn_seq is not null, the
        -- transaction had no id before this call, so it has emitted no events.
        v_asked.with_own := v_fresh and drawn_seq is null
            and public.fn_iu_window_has_own(v_cursor.event_domain);
        if v_fresh then
            v_cursor := public.fn_iu_window_open(v_cursor, restored_seq, drawn_seq);
        end if;
        v_batch.seen := 0;
        if not v_fresh or news or v_asked.with_own or not public.fn_iu_window_is_empty(v_cursor) then
            v_batch := public.fn_iu_attempts_write_isolated(v_cursor, v_batch, v_asked);
            v_cursor := public.fn_iu_window_advance(v_cursor, v_batch.last_event_seq, v_asked.with_own);
        end if;
        if v_batch.seen < batch_limit then
            v_cursor := public.fn_iu_window_close(v_cursor);
        end if;
        exit when v_batch.seen > 0 or v_fresh;
    end loop;
    if v_batch.seen > 0 then
        v_batch.dead_lettered := 0;
        -- Check for a flood of failures before the batch and its dead letters are recorded. IU302 also rolls
        -- back the attempts written above (decision 019).
        if v_batch.failed > 0 then
            perform public.fn_iu_flood_refuse(v_batch);
            v_batch.dead_lettered := public.fn_iu_dead_letters_set_aside(v_batch);
        end if;
        v_cursor.last_batch_hash := public.fn_iu_batch_record(v_batch);
        v_cursor.last_progress_at := clock_timestamp();
        select o.event_id, o.created_at into strict v_cursor.cursor_event_id, v_cursor.cursor_created_at
        from public.event_outbox as o
        where o.event_domain = v_cursor.event_domain and o.event_seq = v_batch.last_event_seq;
    end if;
    v_cursor.last_run_at := clock_timestamp();
    v_cursor.last_run_summary := public.fn_iu_worker_summary(
        'ran', v_cursor.cursor_event_id, v_cursor.cursor_created_at, v_batch
    );
    perform public.fn_iu_cursor_store(v_cursor);
    return v_cursor.last_run_summary;
end
$$;
comment on function public.fn_iu_batch_run(
    public.iu_route_worker_cursor, int, text, bigint, bigint, boolean
) is
'Runs one batch: claims events, writes attempts, creates dead letters, records the batch, and stores the
cursor, which the caller has locked. drawn_seq: see fn_iu_window_open. restored_seq: result of
fn_iu_cluster_require. news: result of fn_iu_cursor_has_news; if true, the window is read without first
checking whether it is empty. Returns what fn_iu_route_worker_run returns; raises IU302.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_batch_run(public.iu_route_worker_cursor, int, text, bigint, bigint, boolean)',
    'internal'
);

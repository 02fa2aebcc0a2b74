-- enable_seqscan off: the last event is looked up by its index (decision 011).
create or replace function public.fn_iu_delivery_batch_run(
    given public.iu_route_worker_cursor, route public.iu_delivery_route, batch_limit int, run_ref text,
    drawn_seq bigint, restored_seq bigint
)
returns public.iu_delivery_batch
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
as $$
#variable_conflict use_variable
declare
    v_cursor public.iu_route_worker_cursor := given;
    v_asked public.iu_attempts_request;
    v_batch public.iu_delivery_batch;
    v_fresh boolean;
begin
    v_asked.restored_seq := restored_seq;
    v_asked.batch_limit := batch_limit;
    -- Events of the own transaction are read by a later call, after the commit.
    v_asked.with_own := false;
    v_batch.route_no := route.route_no;
    v_batch.promotion_no := route.promotion_no;
    v_batch.run_ref := run_ref;
    v_batch.started_at := clock_timestamp();
    v_batch.previous_hash := v_cursor.last_batch_hash;
    -- As in fn_iu_batch_run: a window that is left open may have no more events.
    loop
        v_fresh := v_cursor.window_snapshot is null;
        if v_fresh then
            v_cursor := public.fn_iu_window_open(v_cursor, restored_seq, drawn_seq);
        end if;
        v_batch := public.fn_iu_delivery_queue_write(v_cursor, v_batch, v_asked, route);
        v_cursor := public.fn_iu_window_advance(v_cursor, v_batch.last_event_seq, false);
        if v_batch.seen < batch_limit then
            v_cursor := public.fn_iu_window_close(v_cursor);
        end if;
        exit when v_batch.seen > 0 or v_fresh;
    end loop;
    if v_batch.seen > 0 then
        v_batch := public.fn_iu_delivery_batch_record(v_batch);
        v_cursor.last_batch_hash := v_batch.batch_hash;
        v_cursor.last_progress_at := v_batch.finished_at;
        select o.event_id, o.created_at into strict v_cursor.cursor_event_id, v_cursor.cursor_created_at
        from public.event_outbox as o
        where o.event_domain = v_cursor.event_domain and o.event_seq = v_batch.last_event_seq;
    end if;
    v_cursor.last_run_at := clock_timestamp();
    v_cursor.last_run_summary := to_jsonb(v_batch);
    perform public.fn_iu_cursor_store(v_cursor);
    if v_batch.queued > 0 then
        update public.iu_delivery_route as r
        set due_from = least(r.due_from, v_batch.started_at), due_batches = r.due_batches + 1
        where r.route_no = v_batch.route_no;
    end if;
    return v_batch;
end
$$;
comment on function public.fn_iu_delivery_batch_run(
    public.iu_route_worker_cursor, public.iu_delivery_route, int, text, bigint, bigint
) is
'Reads one batch of events after the cursor of a live route, which the caller has locked, queues deliveries,
records the batch, and stores the cursor. Returns the batch; seen is 0 if there is no event, and then no batch
is recorded.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function',
    'public.fn_iu_delivery_batch_run(public.iu_route_worker_cursor, public.iu_delivery_route, int, text, '
    'bigint, bigint)',
    'internal'
);

create or replace function public.fn_iu_batch_run(
    given public.iu_route_worker_cursor, batch_limit int, run_ref text
)
returns jsonb
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    v_cursor public.iu_route_worker_cursor := given;
    v_restored bigint := public.fn_iu_cluster_require(given.worker_name, given.system_identifier);
    v_batch public.iu_route_batch;
    v_claim record;
    v_fresh boolean;
begin
    v_batch.started_at := clock_timestamp();
    loop
        v_fresh := v_cursor.window_snapshot is null;
        if v_fresh then
            v_cursor := public.fn_iu_window_open(v_cursor, v_restored);
        end if;
        v_claim := public.fn_iu_window_claim(v_cursor, v_restored, batch_limit);
        v_batch.seen := coalesce(cardinality(v_claim.event_seqs), 0);
        v_cursor := public.fn_iu_window_advance(v_cursor, v_claim.event_seqs, v_claim.own_event_seq, batch_limit);
        exit when v_batch.seen > 0 or v_fresh;
    end loop;
    if v_batch.seen > 0 then
        v_batch.batch_id := nextval('public.iu_route_batch_batch_id_seq');
        v_batch.worker_name := v_cursor.worker_name;
        v_batch.event_domain := v_cursor.event_domain;
        v_batch.run_ref := run_ref;
        v_batch.previous_hash := v_cursor.last_batch_hash;
        v_batch.first_event_seq := v_claim.event_seqs[1];
        v_batch.last_event_seq := v_claim.event_seqs[v_batch.seen];
        select w.* into v_batch.attempts_written, v_batch.dry_run, v_batch.skipped, v_batch.failed
        from public.fn_iu_attempts_write_isolated(
            v_cursor.worker_no, v_batch.batch_id, v_claim.event_ids, v_claim.event_types, false
        ) as w;
        perform public.fn_iu_flood_refuse(v_batch.seen, v_batch.failed, v_batch.attempts_written);
        v_batch.dead_lettered := case when v_batch.failed > 0 then public.fn_iu_dead_letters_set_aside(
            v_cursor.worker_name, v_cursor.worker_no, v_batch.batch_id, v_claim.event_ids
        ) else 0 end;
        v_cursor.last_batch_hash := public.fn_iu_batch_record(v_batch);
        v_cursor.cursor_event_id := v_claim.event_ids[v_batch.seen];
        v_cursor.cursor_created_at := v_claim.created_ats[v_batch.seen];
        v_cursor.last_progress_at := clock_timestamp();
    end if;
    v_cursor.last_run_at := clock_timestamp();
    v_cursor.last_run_summary := public.fn_iu_worker_summary(
        'ran', v_cursor.cursor_event_id, v_cursor.cursor_created_at, v_batch
    );
    perform public.fn_iu_cursor_store(v_cursor);
    return v_cursor.last_run_summary;
end
$$;
comment on function public.fn_iu_batch_run(public.iu_route_worker_cursor, int, text) is
'Runs one batch for a cursor that the caller has locked: claims, decides and writes, sets aside, records, stores the cursor.
Returns what fn_iu_route_worker_run returns; raises IU302 and IU501.';

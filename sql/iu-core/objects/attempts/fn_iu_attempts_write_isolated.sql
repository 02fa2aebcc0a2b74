create or replace function public.fn_iu_attempts_write_isolated(
    given public.iu_route_worker_cursor, batch public.iu_route_batch, asked public.iu_attempts_request
)
returns public.iu_route_batch
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_limit constant int := asked.batch_limit;
    v_first public.iu_route_batch;
    v_rest public.iu_route_batch;
    v_state text;
    v_message text;
begin
    -- One savepoint for the whole part: a savepoint for each event would halve the speed (decision 010).
    begin
        if not asked.leave_known and asked.failure is null then
            v_first := public.fn_iu_attempts_write_dry(given, batch, asked);
        end if;
        if v_first.seen is null then
            v_first := public.fn_iu_attempts_write(given, batch, asked);
        end if;
        return v_first;
    exception when others then
        v_state := sqlstate;
        v_message := sqlerrm;
        if asked.failure is not null or public.fn_iu_fault_is_systemic(v_state) then
            raise;
        end if;
    end;
    -- A key that is there already is a re-claim, and no event's fault. An event that fails alone is written
    -- as failed. Any other part is halved, and the second half goes on where the first has ended.
    if v_state = '23505' and not asked.leave_known then
        asked.leave_known := true;
        return public.fn_iu_attempts_write_isolated(given, batch, asked);
    elsif v_limit = 1 then
        asked.failure := v_state || ' ' || v_message;
        return public.fn_iu_attempts_write_isolated(given, batch, asked);
    end if;
    asked.batch_limit := v_limit / 2;
    v_first := public.fn_iu_attempts_write_isolated(given, batch, asked);
    asked.batch_limit := v_limit - v_limit / 2;
    batch.batch_id := v_first.batch_id;
    v_rest := public.fn_iu_attempts_write_isolated(
        public.fn_iu_window_advance(given, v_first.last_event_seq, asked.with_own), batch, asked
    );
    v_first.seen := v_first.seen + v_rest.seen;
    v_first.last_event_seq := coalesce(v_rest.last_event_seq, v_first.last_event_seq);
    v_first.attempts_written := v_first.attempts_written + v_rest.attempts_written;
    v_first.dry_run := v_first.dry_run + v_rest.dry_run;
    v_first.skipped := v_first.skipped + v_rest.skipped;
    v_first.failed := v_first.failed + v_rest.failed;
    return v_first;
end
$$;
comment on function public.fn_iu_attempts_write_isolated(
    public.iu_route_worker_cursor, public.iu_route_batch, public.iu_attempts_request
) is
'Writes a batch so that one bad event harms no other: all at once under one savepoint
(fn_iu_attempts_write); where that fails, undone and halved until the event that fails stands alone
and is written as failed with its error. An attempt that exists already
turns the write into a re-claim. Returns the batch with the counts of all its parts. Raises an error
that is not an event''s fault.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_attempts_write_isolated(public.iu_route_worker_cursor, public.iu_route_batch, public.iu_attempts_request)',
    'internal'
);

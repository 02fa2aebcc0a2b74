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
    -- One savepoint for all events: a savepoint for each would halve the speed (decision 010).
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
    -- After a duplicate key, write again without the attempts that exist (a re-claim). If the batch is a
    -- single event, record it as failed. Otherwise write the two halves separately.
    if v_state = '23505' and not asked.leave_known then
        asked.leave_known := true;
        return public.fn_iu_attempts_write_isolated(given, batch, asked);
    elsif v_limit = 1 then
        asked.failure := v_state || ' ' || v_message;
        return public.fn_iu_attempts_write_isolated(given, batch, asked);
    end if;
    -- The window did not change, so the two halves claim the same events as the whole batch.
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
'Writes a batch so that one failing event affects no other. First writes all events under one savepoint. If
that fails, rolls back and bisects until the failing event is alone, and records it as failed with its error.
If attempts of the events already exist (a re-claim), writes only the missing ones. Returns the batch with the
counts of all parts. Raises an error that an event cannot have caused (fn_iu_fault_is_systemic) again.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_attempts_write_isolated('
    'public.iu_route_worker_cursor, public.iu_route_batch, public.iu_attempts_request)',
    'internal'
);

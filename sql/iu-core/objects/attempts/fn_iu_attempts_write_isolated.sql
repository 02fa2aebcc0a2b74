create or replace function public.fn_iu_attempts_write_isolated(
    given public.iu_route_worker_cursor, batch public.iu_route_batch, restored_seq bigint, batch_limit int,
    with_own boolean, leave_known boolean, given_failure text
)
returns public.iu_route_batch
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    v_half constant int := batch_limit / 2;
    v_first public.iu_route_batch;
    v_rest public.iu_route_batch;
    v_state text;
    v_message text;
begin
    begin
        if not leave_known and not with_own and given_failure is null and cardinality(given.window_late_xids) = 0 then
            v_first := public.fn_iu_attempts_write_dry(given, batch, restored_seq, batch_limit);
        end if;
        if v_first.seen is null then
            v_first := public.fn_iu_attempts_write(
                given, batch, restored_seq, batch_limit, with_own, leave_known, given_failure
            );
        end if;
        return v_first;
    exception when others then
        v_state := sqlstate;
        v_message := sqlerrm;
        if given_failure is not null or public.fn_iu_fault_is_systemic(v_state) then
            raise;
        end if;
    end;
    if v_state = '23505' and not leave_known then
        return public.fn_iu_attempts_write_isolated(given, batch, restored_seq, batch_limit, with_own, true, null);
    elsif batch_limit = 1 then
        return public.fn_iu_attempts_write_isolated(
            given, batch, restored_seq, 1, with_own, leave_known, v_state || ' ' || v_message
        );
    end if;
    v_first := public.fn_iu_attempts_write_isolated(given, batch, restored_seq, v_half, with_own, leave_known, null);
    batch.batch_id := v_first.batch_id;
    v_rest := public.fn_iu_attempts_write_isolated(
        public.fn_iu_window_advance(given, v_first.last_event_seq, with_own), batch,
        restored_seq, batch_limit - v_half, with_own, leave_known, null
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
    public.iu_route_worker_cursor, public.iu_route_batch, bigint, int, boolean, boolean, text
) is
'Writes a batch so that one bad event harms no other: fn_iu_attempts_write_dry, or where that declines
fn_iu_attempts_write, all at once under one savepoint; where that fails, undone and halved until the
event that fails stands alone and is written as failed with its error. An attempt that exists already turns the write into a re-claim. Returns the batch
with the counts of all its parts. Raises an error that is not an event''s fault.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_attempts_write_isolated(public.iu_route_worker_cursor, public.iu_route_batch, bigint, int, boolean, boolean, text)',
    'internal'
);

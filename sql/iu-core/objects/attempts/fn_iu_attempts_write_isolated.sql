create or replace function public.fn_iu_attempts_write_isolated(
    worker_no int, batch_id bigint, event_ids uuid [], event_types text [], leave_known boolean,
    out attempts_written int, out dry_run int, out skipped int, out failed int
)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    v_count int := cardinality(event_ids);
    v_half int := v_count / 2;
    v_state text;
    v_message text;
begin
    begin
        select w.* into attempts_written, dry_run, skipped, failed
        from public.fn_iu_attempts_write(worker_no, batch_id, event_ids, event_types, leave_known) as w;
        return;
    exception when others then
        v_state := sqlstate;
        v_message := sqlerrm;
        if public.fn_iu_fault_is_systemic(v_state) then
            raise;
        end if;
    end;
    if v_state = '23505' and not leave_known then
        select w.* into attempts_written, dry_run, skipped, failed
        from public.fn_iu_attempts_write_isolated(worker_no, batch_id, event_ids, event_types, true) as w;
    elsif v_count = 1 then
        failed := public.fn_iu_attempts_write_failed(
            worker_no, batch_id, event_ids[1], event_types[1], v_state || ' ' || v_message
        );
        attempts_written := failed;
        dry_run := 0;
        skipped := 0;
    else
        select sum(w.attempts_written), sum(w.dry_run), sum(w.skipped), sum(w.failed)
        into attempts_written, dry_run, skipped, failed
        from (values (1, v_half), (v_half + 1, v_count)) as part (first, last)
        cross join lateral public.fn_iu_attempts_write_isolated(
            worker_no, batch_id, event_ids[part.first:part.last], event_types[part.first:part.last], leave_known
        ) as w;
    end if;
end
$$;
comment on function public.fn_iu_attempts_write_isolated(int, bigint, uuid [], text [], boolean) is
'Writes the first attempts of the given events so that one bad event harms no other: all at once under one savepoint; where that
fails, undone and halved until the event that fails stands alone and is written as failed with its error. An attempt that exists
already turns the write into a re-claim. Raises an error that is not an event''s fault.';

-- enable_seqscan off: a transaction is looked up in event_outbox_by_xid, whatever the statistics of
-- emitted_xid say. The collation of the query excludes the other index (decision 011).
-- force_generic_plan: one plan per session, independent of parameter values (decision 011).
create or replace function public.fn_iu_window_open(
    given public.iu_route_worker_cursor, restored_seq bigint, drawn_seq bigint
)
returns public.iu_route_worker_cursor
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_variable
begin
    given.window_snapshot := public.fn_iu_window_snapshot();
    given.position_seq := 0;
    given.window_late_xids := '{}';
    if given.consumed_snapshot is null then
        return given;
    end if;
    -- When transaction mark_xid got its id, the numbers up to mark_seq had been drawn. So it and all later
    -- transactions draw higher numbers. If consumed_snapshot counts no transaction below mark_xid as future,
    -- the window starts after mark_seq, and a new mark is set (decision 016).
    if given.mark_xid <= pg_snapshot_xmax(given.consumed_snapshot) then
        given.window_start_seq := greatest(given.window_start_seq, given.mark_seq + 1);
        given.mark_xid := null;
    end if;
    if given.mark_xid is null and drawn_seq is not null then
        given.mark_xid := pg_current_xact_id();
        given.mark_seq := drawn_seq;
    end if;
    given.window_start_seq := greatest(given.window_start_seq, restored_seq + 1);
    -- Late transactions: open in consumed_snapshot and committed since. Whether they have events is checked
    -- once, here, because their events may be far below the start (decision 016). With `exists` the planner
    -- would join the whole domain if statistics promise few rows (decision 011).
    if pg_snapshot_xmin(given.consumed_snapshot) < pg_snapshot_xmax(given.consumed_snapshot) then
        select coalesce(array_agg(late.xid), '{}') into given.window_late_xids
        from pg_snapshot_xip(given.consumed_snapshot) as late (xid)
        cross join lateral (
            select from public.event_outbox as o
            where o.event_domain collate "POSIX" = given.event_domain
                and o.emitted_xid between late.xid and late.xid and o.event_seq > restored_seq
            order by o.emitted_xid, o.event_seq limit 1
        ) as event
        where pg_visible_in_snapshot(late.xid, given.window_snapshot);
    end if;
    return given;
end
$$;
comment on function public.fn_iu_window_open(public.iu_route_worker_cursor, bigint, bigint) is
'Opens the next window of a cursor: what the current snapshot shows and consumed_snapshot does not. Lists the
transactions that were open in consumed_snapshot and now have visible events. Takes window_start_seq from the
mark: no event of a transaction that consumed_snapshot counts as future has a lower event_seq. drawn_seq is
the last event_seq drawn before the current transaction got its id. It is null if the transaction had an id
before the run; then no mark is set. Writes nothing.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_window_open(public.iu_route_worker_cursor, bigint, bigint)',
    'internal'
);

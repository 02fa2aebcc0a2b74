-- enable_seqscan off: each lookup is one probe of event_outbox_by_xid, whatever the statistics say (decision
-- 011).
-- force_generic_plan: one plan per session, independent of parameter values (decision 011).
create or replace function public.fn_iu_cursor_has_news(
    given public.iu_route_worker_cursor, restored_seq bigint
)
returns boolean
language plpgsql stable
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set plan_cache_mode = force_generic_plan
as $$
declare
    v_consumed constant pg_snapshot := given.consumed_snapshot;
    v_now constant pg_snapshot := pg_current_snapshot();
    v_before text;
begin
    -- Only a run can decide this if a window is open, if the worker has never run, or if the current
    -- transaction has an id and so may have emitted events.
    if given.window_snapshot is not null or v_consumed is null
        or pg_current_xact_id_if_assigned() is not null
    then
        return null;
    end if;
    -- Transactions that ended since consumed_snapshot are in the id ranges between those that are open now.
    -- Scan each range separately: a scan across an open transaction would visit everything that it has
    -- written. Cast through bigint, because xid8 has no arithmetic.
    v_before := pg_snapshot_xmax(v_consumed)::text::bigint - 1;
    return exists (
        select from (
            select open.xid as after_xid,
                lead(open.xid, 1, pg_snapshot_xmax(v_now)) over (order by open.xid) as until_xid
            from (
                select v_before::xid8 union all
                select x from pg_snapshot_xip(v_now) as x where x >= pg_snapshot_xmax(v_consumed)
            ) as open (xid)
        ) as ended
        cross join lateral (
            select from public.event_outbox as o
            where o.event_domain collate "POSIX" = given.event_domain
                and o.emitted_xid > ended.after_xid and o.emitted_xid < ended.until_xid
                and o.event_seq > restored_seq
            order by o.emitted_xid, o.event_seq limit 1
        ) as new
    ) or exists (
        select from pg_snapshot_xip(v_consumed) as open (xid)
        cross join lateral (
            select from public.event_outbox as o
            where o.event_domain collate "POSIX" = given.event_domain
                and o.emitted_xid between open.xid and open.xid and o.event_seq > restored_seq
            order by o.emitted_xid, o.event_seq limit 1
        ) as late
        where pg_visible_in_snapshot(open.xid, v_now)
    );
end
$$;
comment on function public.fn_iu_cursor_has_news(public.iu_route_worker_cursor, bigint) is
'Whether a run would find an event, that is, a committed event of a transaction that consumed_snapshot counts
as open or future. Null if only a run can decide this: a window is open, the worker has never run, or the
current transaction has an id and may have emitted events. Events up to restored_seq, which came with a
restore, are not considered. Read-only; assigns no transaction id.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_cursor_has_news(public.iu_route_worker_cursor, bigint)', 'internal'
);

-- enable_seqscan off: a transaction is looked up in event_outbox_by_xid, whatever the statistics of
-- emitted_xid say. The collation of the query excludes the other index (decision 011).
-- force_generic_plan: one plan per session, independent of parameter values (decision 011).
create or replace function public.fn_iu_window_is_empty(given public.iu_route_worker_cursor)
returns boolean
language plpgsql stable
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set plan_cache_mode = force_generic_plan
as $$
begin
    -- window_late_xids contains only late transactions that have events. For the other transactions, look up
    -- the first entry by transaction id. A lookup by event_seq would visit every event of a transaction that
    -- is still open, perhaps a million (decision 016). Not `exists`, because PostgreSQL drops its limit.
    return given.consumed_snapshot is not null and cardinality(given.window_late_xids) = 0 and (
        select true from public.event_outbox as o
        where o.event_domain collate "POSIX" = given.event_domain and o.event_seq >= given.window_start_seq
            and o.emitted_xid >= pg_snapshot_xmax(given.consumed_snapshot)
            and o.emitted_xid < pg_snapshot_xmax(given.window_snapshot)
        order by o.emitted_xid, o.event_seq limit 1
    ) is null;
end
$$;
comment on function public.fn_iu_window_is_empty(public.iu_route_worker_cursor) is
'Whether a window that was just opened contains no events of other transactions. The lookup by transaction id
does not visit events of transactions that were open in consumed_snapshot. Read-only.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_window_is_empty(public.iu_route_worker_cursor)',
    'internal'
);

-- enable_seqscan off: a transaction is looked up in event_outbox_by_xid, whatever the statistics of
-- emitted_xid say; its collation excludes the other index (decision 011).
-- force_generic_plan: one plan a session, independent of parameter values (decision 011).
create or replace function public.fn_iu_window_is_empty(given public.iu_route_worker_cursor)
returns boolean
language plpgsql stable
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set plan_cache_mode = force_generic_plan
as $$
begin
    -- Late transactions are listed only if they have events. For the others the first entry by transaction id
    -- is enough. A lookup by event_seq would step over every event of a transaction that is still open,
    -- perhaps a million (decision 016). An exists would lose the limit and the order.
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
'Whether a window that was just opened contains no events of other transactions, by a lookup by transaction id
that does not step over events of open transactions. Read-only.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_window_is_empty(public.iu_route_worker_cursor)',
    'internal'
);

-- enable_seqscan off: a transaction is looked up by event_outbox_by_xid, whatever the statistics of emitted_xid
-- say; its collation tells it from the other index (decision 011).
-- force_generic_plan: the plan must not depend on the values, and is made once a session (decision 011).
create or replace function public.fn_iu_window_is_empty(given public.iu_route_worker_cursor)
returns boolean
language plpgsql stable
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set plan_cache_mode = force_generic_plan
as $$
begin
    -- Late transactions are listed only where they have events. For the rest the first entry in the order of
    -- transaction ids is enough: in the order of event_seq the look would step over all that a transaction
    -- open since an earlier window has written, which may be a million entries (decision 016).
    -- No exists: it would lose the limit, and with it the reason for this index and this order.
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
'Whether a window that was just opened certainly holds no events of other transactions. A look at
the transaction ids, so that whoever polls need not step over the events of a transaction that is
still open. Reads only.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_window_is_empty(public.iu_route_worker_cursor)',
    'internal'
);

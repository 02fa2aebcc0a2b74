-- The linter reads a body that is bound as a query of its own, in which it knows no parameters.
-- noqa: disable=LT02,LT14,RF02,RF03,ST05
create or replace function public.fn_iu_cluster_state(given public.iu_route_worker_cursor)
returns table (restored_seq bigint, difference text)
language sql stable rows 1
begin atomic
    -- One statement, because every batch runs it; the case stops at the first condition that holds (decision
    -- 018). Late transactions of a window are below the end of consumed_snapshot. A cursor without snapshots
    -- cannot be ahead, but the events it is about to read can.
    select a.restored_seq, case
        when exists (select from pg_subscription_rel as s where s.srrelid = 'public.event_outbox'::regclass)
            then 'event_outbox receives events by a subscription, with the transaction ids of another server'
        when a.anchor_no is null then 'the outbox has no anchor in event_outbox_cluster'
        when a.system_identifier <> c.system_identifier then format(
            'the outbox was anchored (%s) in database cluster %s, this is %s',
            a.anchor_no, a.system_identifier, c.system_identifier)
        when a.outbox_oid <> 'public.event_outbox'::regclass::oid then format(
            'the outbox was anchored (%s) as table %s of this database cluster, '
            'here event_outbox is table %s',
            a.anchor_no, a.outbox_oid, 'public.event_outbox'::regclass::oid)
        when not coalesce(a.written_xid = a.row_xmin, false) then format(
            'anchor %s of the outbox is a copy: transaction %s wrote it, and %s wrote it here',
            a.anchor_no, coalesce(a.written_xid::text, 'unknown'), a.row_xmin)
        when not coalesce((given).anchor_no = a.anchor_no and (given).anchor_key = a.anchor_key, false)
            and (given).worker_name is not null then format(
            'the cursor belongs to anchor %s of the outbox, the newest is %s (database cluster %s, table %s)',
            concat_ws(' ', (given).anchor_no, case when (given).anchor_no = a.anchor_no then 'of a copy' end),
            a.anchor_no, a.system_identifier, a.outbox_oid)
        when n.end_xid > n.here_xid then format(
            'the snapshots of the cursor end at transaction id %s, those of this server at %s',
            n.end_xid, n.here_xid)
        when n.mover_xid >= n.here_xid then format(
            'transaction %s moved the cursor, the snapshots of this server end at %s',
            n.mover_xid, n.here_xid)
        when (given).event_domain is not null
            and coalesce((given).consumed_snapshot, (given).window_snapshot) is null
            then public.fn_iu_cluster_event_ahead((given).event_domain, a.restored_seq)
    end
    from pg_control_system() as c
    cross join (
        select
            pg_snapshot_xmax(pg_current_snapshot()) as here_xid,
            greatest(
                pg_snapshot_xmax((given).consumed_snapshot), pg_snapshot_xmax((given).window_snapshot)
            ) as end_xid,
            greatest(
                nullif((given).mark_xid, pg_current_xact_id_if_assigned()),
                nullif((given).own_xid, pg_current_xact_id_if_assigned())
            ) as mover_xid
    ) as n
    left join lateral (
        select k.*, k.xmin as row_xmin from public.event_outbox_cluster as k order by k.anchor_no desc limit 1
    ) as a on true;
end;
-- noqa: enable=all
comment on function public.fn_iu_cluster_state(public.iu_route_worker_cursor) is
'Whether the outbox is where it was last anchored and the cursor belongs to that anchor. Returns one row:
difference is null, or a message that names the difference: database cluster, table, a copied row, anchor, or
transaction ids ahead of this server (also of events, if the cursor has read nothing). A cursor without
worker_name is not compared with the anchor. restored_seq is the event_seq up to which events came with a
restore; their transaction ids are not valid here. The cursor must not be newer than the snapshot of the
statement. The body is bound at creation and inlined. Read-only.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_cluster_state(public.iu_route_worker_cursor)', 'inspect'
);

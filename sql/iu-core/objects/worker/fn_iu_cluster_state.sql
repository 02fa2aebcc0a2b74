-- The linter parses a `begin atomic` body as a separate query and does not recognize the parameters.
-- noqa: disable=LT02,LT14,RF02,RF03,ST05
create or replace function public.fn_iu_cluster_state(given public.iu_route_worker_cursor)
returns table (restored_seq bigint, difference text)
language sql stable rows 1
begin atomic
    -- One statement, because every batch runs it; the case stops at the first condition that holds (decision
    -- 018). Late transactions are not compared: their ids are below the end of consumed_snapshot. A cursor
    -- without snapshots cannot be ahead of the server, but the events that it will read can have transaction
    -- ids that are ahead.
    select a.restored_seq, case
        when exists (select from pg_subscription_rel as s where s.srrelid = 'public.event_outbox'::regclass)
            then 'event_outbox receives events by a subscription, with the transaction ids of another server'
        when a.anchor_no is null then 'the outbox has no anchor in event_outbox_cluster'
        when a.system_identifier <> c.system_identifier then format(
            'anchor %s of the outbox names database cluster %s, but this cluster is %s',
            a.anchor_no, a.system_identifier, c.system_identifier)
        when a.outbox_oid <> 'public.event_outbox'::regclass::oid then format(
            'anchor %s of the outbox names table %s, but event_outbox is table %s in this cluster',
            a.anchor_no, a.outbox_oid, 'public.event_outbox'::regclass::oid)
        when not coalesce(a.written_xid = a.row_xmin, false) then format(
            'anchor %s of the outbox is a copied row: it records transaction %s as its writer, '
            'but transaction %s wrote it here',
            a.anchor_no, coalesce(a.written_xid::text, 'unknown'), a.row_xmin)
        when not coalesce((given).anchor_no = a.anchor_no and (given).anchor_key = a.anchor_key, false)
            and (given).worker_name is not null then format(
            'the cursor belongs to anchor %s of the outbox, but the newest anchor is %s '
            '(database cluster %s, table %s)',
            concat_ws(
                ' ', (given).anchor_no,
                case when (given).anchor_no = a.anchor_no then 'of another copy' end
            ),
            a.anchor_no, a.system_identifier, a.outbox_oid)
        when n.end_xid > n.here_xid then format(
            'the snapshots of the cursor end at transaction id %s, but those of this server end at %s',
            n.end_xid, n.here_xid)
        when n.mover_xid >= n.here_xid then format(
            'transaction %s moved the cursor, but the snapshots of this server end at %s',
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
'Compares the outbox and a cursor with the newest anchor. Returns one row. difference is null if they match;
otherwise it is a message about the database cluster, the table, a copied row of the anchor, the anchor of the
cursor, or transaction ids ahead of this server (also those of events, if the cursor has read nothing). The
anchor of a cursor without worker_name is not compared. restored_seq is the event_seq up to which events came
with a restore; their transaction ids are not valid here. The snapshot of the statement must not be older than
the cursor. The body is bound at creation and inlined. Read-only.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_cluster_state(public.iu_route_worker_cursor)', 'inspect'
);

-- The linter parses a `begin atomic` body as a separate query and does not recognize the parameters.
-- noqa: disable=LT02,RF03
create or replace function public.fn_iu_window_claim(
    given public.iu_route_worker_cursor, asked public.iu_attempts_request
)
returns table (event_seq bigint, event_id uuid, event_type text)
language sql stable rows 1000
begin atomic
    -- Only event_outbox_by_xid has the collation "POSIX", so that each branch has exactly one usable index,
    -- whatever the statistics say (decision 011). The first condition on visibility is a shortcut: below the
    -- xmin of a snapshot every transaction has ended.
    (
        select o.event_seq, o.event_id, o.event_type
        from public.event_outbox as o
        where o.event_domain = (given).event_domain
            and o.event_seq > public.fn_iu_window_after_seq(given)
            and o.emitted_xid >= public.fn_iu_window_from_xid(given)
            and o.emitted_xid < public.fn_iu_window_until_xid(given, (asked).restored_seq)
            and (
                o.emitted_xid < pg_snapshot_xmin((given).window_snapshot)
                or o.event_seq <= (asked).restored_seq
                or pg_visible_in_snapshot(o.emitted_xid, (given).window_snapshot)
            )
        order by o.event_seq
        limit (asked).batch_limit
    )
    union all
    -- The current transaction has its own position, which is kept when the window is closed (decision 016).
    select late.event_seq, late.event_id, late.event_type
    from (
        select x, (given).position_seq from unnest((given).window_late_xids) as x
        union all
        select
            pg_current_xact_id(),
            case when (given).own_xid = pg_current_xact_id() then (given).own_position_seq else 0 end
        where (asked).with_own
    ) as open (xid, after_seq)
    cross join lateral (
        select o.event_seq, o.event_id, o.event_type
        from public.event_outbox as o
        where o.event_domain collate "POSIX" = (given).event_domain
            and o.emitted_xid between open.xid and open.xid
            and o.event_seq > greatest(open.after_seq, (asked).restored_seq)
        order by o.emitted_xid, o.event_seq
        limit (asked).batch_limit
    ) as late
    order by event_seq
    limit (asked).batch_limit;
end;
-- noqa: enable=all
comment on function public.fn_iu_window_claim(public.iu_route_worker_cursor, public.iu_attempts_request) is
'The next events of the open window in the order of event_seq, at most batch_limit. First branch: events after
fn_iu_window_after_seq of transactions that are new in the window and visible in window_snapshot, and
restored events, by event_outbox_by_seq. Second branch: the events of each late transaction and, with_own, of
the own transaction, by event_outbox_by_xid (decision 016). The body is bound at creation and inlined.
Callers set enable_seqscan and jit off. Read-only.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_window_claim(public.iu_route_worker_cursor, public.iu_attempts_request)',
    'internal'
);

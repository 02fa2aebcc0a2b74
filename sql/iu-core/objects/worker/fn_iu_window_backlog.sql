-- The linter parses a `begin atomic` body as a separate query and does not recognize the parameters.
-- noqa: disable=LT02,LT14,RF02,RF03,ST05
create or replace function public.fn_iu_window_backlog(
    given public.iu_route_worker_cursor, restored_seq bigint, cap int
)
returns table (events int, oldest_at timestamptz)
language sql stable rows 1
begin atomic
    -- Unread events belong to the rest of the open window, to transactions that the newest snapshot counts as
    -- future, or to transactions that were open in a snapshot. Each branch stops at cap (decision 016). The
    -- events that the current transaction emitted and this cursor has read are left out.
    select least(count(*), cap)::int, min(unread.created_at)
    from (
        select
            coalesce((given).window_snapshot, (given).consumed_snapshot) as top_snapshot,
            pg_current_xact_id_if_assigned() as own_xid,
            case
                when (given).own_xid = pg_current_xact_id_if_assigned() then (given).own_position_seq else 0
            end as own_seq
    ) as s
    cross join lateral (
        (
            select o.created_at from public.event_outbox as o
            where ((given).window_snapshot is not null or s.top_snapshot is null)
                and o.event_domain = (given).event_domain
                and o.event_seq > public.fn_iu_window_after_seq(given)
                and o.emitted_xid >= public.fn_iu_window_from_xid(given)
                and (
                    o.event_seq <= restored_seq or s.top_snapshot is null
                    or pg_visible_in_snapshot(o.emitted_xid, s.top_snapshot)
                )
                and (o.emitted_xid is distinct from s.own_xid or o.event_seq > s.own_seq)
            order by o.event_seq limit cap
        )
        union all
        (
            select o.created_at from public.event_outbox as o
            where o.event_domain collate "POSIX" = (given).event_domain
                and o.emitted_xid >= pg_snapshot_xmax(s.top_snapshot)
                and o.event_seq > restored_seq
                and (o.emitted_xid is distinct from s.own_xid or o.event_seq > s.own_seq)
            order by o.emitted_xid, o.event_seq limit cap
        )
        union all
        select late.created_at
        from (
            select x, (given).position_seq from unnest((given).window_late_xids) as x
            union all
            select x, case when x = s.own_xid then s.own_seq else 0 end
            from pg_snapshot_xip(s.top_snapshot) as x
        ) as open (xid, after_seq)
        cross join lateral (
            select o.created_at from public.event_outbox as o
            where o.event_domain collate "POSIX" = (given).event_domain
                and o.emitted_xid between open.xid and open.xid
                and o.event_seq > greatest(open.after_seq, restored_seq)
            order by o.emitted_xid, o.event_seq limit cap
        ) as late
        limit cap
    ) as unread;
end;
-- noqa: enable=all
comment on function public.fn_iu_window_backlog(public.iu_route_worker_cursor, bigint, int) is
'Number of committed events that the cursor has not consumed, counted up to cap, and the emission time of the
oldest event counted. A null cursor has consumed nothing. The cost depends on cap and on the number of open
transactions, not on table sizes. The body is bound at creation and inlined. Callers set enable_seqscan and
jit off. Read-only.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_window_backlog(public.iu_route_worker_cursor, bigint, int)',
    'internal'
);

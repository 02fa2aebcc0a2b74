-- enable_seqscan off: a transaction is looked up in event_outbox_by_xid, whatever the statistics of
-- emitted_xid say. The collation of the query excludes the other index (decision 011).
-- force_generic_plan: one plan per session, independent of parameter values (decision 011).
create or replace function public.fn_iu_cursor_backlog(
    given public.iu_route_worker_cursor, restored_seq bigint, cap int,
    out events int, out oldest_at timestamptz
)
language plpgsql stable
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_variable
declare
    v_own xid8 := pg_current_xact_id_if_assigned();
    v_own_read bigint := case when given.own_xid = v_own then given.own_position_seq else 0 end;
    v_top pg_snapshot := coalesce(given.window_snapshot, given.consumed_snapshot);
    v_after bigint := public.fn_iu_window_after_seq(given);
    v_from xid8 := public.fn_iu_window_from_xid(given);
    v_open xid8 [] := (select array_agg(x) from pg_snapshot_xip(v_top) as x);
begin
    -- Unread events belong to the rest of the open window, to transactions that the newest snapshot counts as
    -- future, or to transactions that were open in a snapshot. Each branch stops at cap (decision 016).
    select least(count(*), cap), min(unread.created_at) into events, oldest_at
    from (
        (
            select o.created_at from public.event_outbox as o
            where (given.window_snapshot is not null or v_top is null)
                and o.event_domain = given.event_domain and o.event_seq > v_after and o.emitted_xid >= v_from
                and (
                    o.event_seq <= restored_seq or v_top is null
                    or pg_visible_in_snapshot(o.emitted_xid, v_top)
                )
                and (v_own is null or o.emitted_xid <> v_own or o.event_seq > v_own_read)
            order by o.event_seq limit cap
        )
        union all
        (
            select o.created_at from public.event_outbox as o
            where o.event_domain collate "POSIX" = given.event_domain
                and o.emitted_xid >= pg_snapshot_xmax(v_top)
                and o.event_seq > restored_seq
                and (v_own is null or o.emitted_xid <> v_own or o.event_seq > v_own_read)
            order by o.emitted_xid, o.event_seq limit cap
        )
        union all
        select late.created_at
        from (
            select x, given.position_seq from unnest(given.window_late_xids) as x
            union all
            select x, case when x = v_own then v_own_read else 0 end from unnest(v_open) as x
        ) as open (xid, after_seq)
        cross join lateral (
            select o.created_at from public.event_outbox as o
            where o.event_domain collate "POSIX" = given.event_domain
                and o.emitted_xid between open.xid and open.xid
                and o.event_seq > greatest(open.after_seq, restored_seq)
            order by o.emitted_xid, o.event_seq limit cap
        ) as late
        limit cap
    ) as unread;
end
$$;
comment on function public.fn_iu_cursor_backlog(public.iu_route_worker_cursor, bigint, int) is
'Number of committed events that the cursor has not consumed, counted up to cap, and the emission time of the
oldest event counted. A null cursor has consumed nothing. The cost depends on cap and on the number of open
transactions, not on table sizes.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_cursor_backlog(public.iu_route_worker_cursor, bigint, int)',
    'internal'
);

-- enable_seqscan off: a transaction is looked up by event_outbox_by_xid, whatever the statistics of emitted_xid
-- say; its collation tells it from the other index (decision 011).
create or replace function public.fn_iu_cursor_unread_seq(given public.iu_route_worker_cursor)
returns bigint
language plpgsql stable
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
as $$
declare
    v_top pg_snapshot := coalesce(given.window_snapshot, given.consumed_snapshot);
    v_unread bigint;
begin
    if v_top is null then
        return 1;
    end if;
    -- The least number of what the newest snapshot counts as to come, and of each transaction that was open
    -- in it. offset 0 keeps the planner from walking the index on event_seq from its very beginning
    -- (decision 011).
    select min(unread.event_seq) into v_unread
    from (
        (
            select o.event_seq from public.event_outbox as o
            where o.event_domain collate "POSIX" = given.event_domain
                and o.emitted_xid >= pg_snapshot_xmax(v_top)
            offset 0
        )
        union all
        select late.event_seq
        from pg_snapshot_xip(v_top) as open (xid)
        cross join lateral (
            select o.event_seq from public.event_outbox as o
            where o.event_domain collate "POSIX" = given.event_domain
                and o.emitted_xid between open.xid and open.xid
            order by o.emitted_xid, o.event_seq limit 1
        ) as late
    ) as unread;
    return least(v_unread, case when given.window_snapshot is not null then given.position_seq + 1 end);
end
$$;
comment on function public.fn_iu_cursor_unread_seq(public.iu_route_worker_cursor) is
'The least event_seq that the cursor may not have read, in the terms of the cluster it comes from;
null where it has read all. A re-anchor after a restore goes on from there. Costs as much as there
are unread events.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_cursor_unread_seq(public.iu_route_worker_cursor)',
    'internal'
);

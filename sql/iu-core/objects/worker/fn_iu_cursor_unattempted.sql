-- enable_seqscan, enable_bitmapscan, enable_hashjoin and enable_mergejoin off: read the newest events
-- backward by event_seq and probe the attempt of each, so that the cost depends on the number of events
-- checked. Without statistics the planner prefers a bitmap scan: 3,964 pages instead of 59 for 1,000 of
-- 100,000 events (decision 011).
create or replace function public.fn_iu_cursor_unattempted(given public.iu_route_worker_cursor, newest int)
returns setof uuid
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set row_security = off
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
    v_anchor constant public.event_outbox_cluster := public.fn_iu_cluster_newest();
begin
    if exists (select from public.fn_iu_cluster_state(given) as s where s.difference is not null) then
        return;
    end if;
    -- Consumed: what consumed_snapshot shows, restored events, and the open window up to its position; the
    -- same test as in fn_iu_event_is_consumed (decision 040).
    return query
    select o.event_id
    from (
        select e.event_seq, e.event_id, e.emitted_xid from public.event_outbox as e
        where e.event_domain = given.event_domain and e.event_seq > given.anchored_seq
        order by e.event_seq desc limit greatest(newest, 0)
    ) as o
    where (
        pg_visible_in_snapshot(o.emitted_xid, given.consumed_snapshot)
        or (given.consumed_snapshot is not null and o.event_seq <= v_anchor.restored_seq)
        or (
            o.event_seq <= given.position_seq
            and (
                pg_visible_in_snapshot(o.emitted_xid, given.window_snapshot)
                or o.event_seq <= v_anchor.restored_seq
            )
        )
    )
    -- Offset 0 prevents a join, which without statistics reads all attempts for each event.
    and not exists (
        select from public.iu_route_attempt_log as a
        where a.event_id = o.event_id and a.worker_no = given.worker_no and a.attempt_no = 1
        offset 0
    );
end
$$;
comment on function public.fn_iu_cursor_unattempted(public.iu_route_worker_cursor, int) is
'Conservation check: among the newest events of the worker''s domain, those that its cursor counts as consumed
but that have no attempt of the worker. Returns no row if nothing was lost. Events skipped by a seek need no
attempt. Also returns no row if the cursor cannot be checked because its snapshots belong to another anchor
(fn_iu_cluster_state).';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_cursor_unattempted(public.iu_route_worker_cursor, int)',
    'inspect'
);

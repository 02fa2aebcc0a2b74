create or replace function public.fn_iu_window_open(given public.iu_route_worker_cursor, restored_seq bigint)
returns public.iu_route_worker_cursor
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_variable
declare
    v_cursor public.iu_route_worker_cursor := given;
    v_low pg_snapshot := given.consumed_snapshot;
    v_high pg_snapshot := public.fn_iu_window_snapshot();
begin
    v_cursor.window_snapshot := v_high;
    v_cursor.position_seq := 0;
    v_cursor.window_start_seq := 0;
    v_cursor.window_late_xids := '{}';
    if v_low is null then
        return v_cursor;
    end if;
    -- offset 0 keeps the planner from walking the index on event_seq from its very beginning
    select coalesce(min(newer.event_seq), 9223372036854775807) into v_cursor.window_start_seq
    from (
        select o.event_seq from public.event_outbox as o
        where o.event_domain = v_cursor.event_domain and o.event_seq > restored_seq
            and o.emitted_xid >= pg_snapshot_xmax(v_low) and o.emitted_xid < pg_snapshot_xmax(v_high)
        offset 0
    ) as newer;
    select coalesce(array_agg(late.xid), '{}') into v_cursor.window_late_xids
    from pg_snapshot_xip(v_low) as late (xid)
    where pg_visible_in_snapshot(late.xid, v_high)
        and exists (
            select from public.event_outbox as o
            where o.event_domain = v_cursor.event_domain and o.emitted_xid between late.xid and late.xid
                and o.event_seq > restored_seq
        );
    return v_cursor;
end
$$;
comment on function public.fn_iu_window_open(public.iu_route_worker_cursor, bigint) is
'Opens the next window of a cursor: what a snapshot taken now shows and consumed_snapshot does not.
Finds where it begins: the transactions that were open in consumed_snapshot one by one, the newer
ones by the range of their ids. Writes nothing.';

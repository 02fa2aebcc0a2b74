-- enable_seqscan and enable_bitmapscan off: a backward index scan meets the newest row version first. While
-- any snapshot is held, vacuum cannot remove old versions, and an equality lookup would visit all of them
-- (decision 013).
create or replace function public.fn_iu_cursor_store(given public.iu_route_worker_cursor)
returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
as $$
begin
    update public.iu_route_worker_cursor as c
    set cursor_event_id = given.cursor_event_id,
        cursor_created_at = given.cursor_created_at,
        consumed_snapshot = given.consumed_snapshot,
        window_snapshot = given.window_snapshot,
        window_start_seq = given.window_start_seq,
        window_late_xids = given.window_late_xids,
        position_seq = given.position_seq,
        read_seq = given.read_seq,
        mark_xid = given.mark_xid,
        mark_seq = given.mark_seq,
        own_xid = given.own_xid,
        own_position_seq = given.own_position_seq,
        anchor_no = given.anchor_no,
        anchor_key = given.anchor_key,
        anchored_seq = given.anchored_seq,
        last_batch_hash = given.last_batch_hash,
        last_progress_at = given.last_progress_at,
        last_run_at = given.last_run_at,
        last_run_summary = given.last_run_summary
    where c.ctid = (
        select k.ctid from public.iu_route_worker_cursor as k
        where k.worker_name between given.worker_name and given.worker_name
        order by k.worker_name desc limit 1
    );
end
$$;
comment on function public.fn_iu_cursor_store(public.iu_route_worker_cursor) is
'Writes a cursor back. The caller must hold its lock.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_cursor_store(public.iu_route_worker_cursor)',
    'internal'
);

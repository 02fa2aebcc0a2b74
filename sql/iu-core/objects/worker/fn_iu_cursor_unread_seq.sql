create or replace function public.fn_iu_cursor_unread_seq(given public.iu_route_worker_cursor)
returns bigint
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_restored bigint := coalesce((
        select a.restored_seq from public.event_outbox_cluster as a
        where a.anchor_no = given.anchor_no and a.anchor_key = given.anchor_key
    ), 0);
begin
    -- Every event that was read has an attempt of the worker, in whichever cluster it was read. Events up to
    -- anchored_seq may have been skipped by a seek, and then have no attempt. For these the snapshots of the
    -- cursor decide. They apply, because the events are older than the cursor's anchor or were emitted under
    -- it (decision 018). A delivery cursor has no attempts: its snapshots decide for every event.
    return (
        select min(o.event_seq) from public.event_outbox as o
        where o.event_domain = given.event_domain
            and not exists (
                select from public.iu_route_attempt_log as a
                where a.event_id = o.event_id and a.worker_no = given.worker_no and a.attempt_no = 1
            )
            and ((o.event_seq > given.anchored_seq and given.cursor_kind = 'audit') or not coalesce(
                case when o.event_seq <= v_restored then given.consumed_snapshot is not null end
                or pg_visible_in_snapshot(o.emitted_xid, given.consumed_snapshot)
                or (o.event_seq <= given.position_seq and (
                    (o.event_seq <= v_restored and given.window_snapshot is not null)
                    or pg_visible_in_snapshot(o.emitted_xid, given.window_snapshot)
                )), false
            ))
    );
end
$$;
comment on function public.fn_iu_cursor_unread_seq(public.iu_route_worker_cursor) is
'The lowest event_seq that the worker has possibly not read, whatever anchor its cursor belongs to; null if it
has read all events. After a restore, a seek to the worker''s last event resumes there. Reads the events of
the domain and the attempts of the worker once.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_cursor_unread_seq(public.iu_route_worker_cursor)',
    'internal'
);

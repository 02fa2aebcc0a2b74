create or replace function public.fn_iu_cursor_seek(given public.iu_route_worker_cursor, target text)
returns public.iu_route_worker_cursor
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_cursor public.iu_route_worker_cursor := given;
    v_event public.event_outbox;
begin
    if target = 'latest' then
        select o.* into v_event from public.event_outbox as o
        where o.event_domain = given.event_domain order by o.event_seq desc limit 1;
    elsif target ~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$' then
        select o.* into v_event from public.event_outbox as o
        where o.event_id = target::uuid and o.event_domain = given.event_domain;
    end if;
    if target not in ('beginning', 'latest') and v_event.event_id is null then
        raise exception 'unknown position % for worker %', quote_literal(target), given.worker_name using
            errcode = 'IU501',
            hint = format(
                'Give beginning, or the id of an event of domain %s to continue after it.',
                given.event_domain
            );
    end if;
    -- Reset the mark and the late transactions, because they refer to the discarded snapshots. Events up to
    -- anchored_seq need no attempt. Events of the current transaction up to anchored_seq count as read.
    v_cursor.cursor_event_id := v_event.event_id;
    v_cursor.cursor_created_at := v_event.created_at;
    v_cursor.anchored_seq := coalesce(v_event.event_seq, 0);
    v_cursor.position_seq := 0;
    v_cursor.read_seq := greatest(v_cursor.read_seq, v_event.event_seq);
    v_cursor.mark_xid := null;
    v_cursor.window_late_xids := '{}';
    v_cursor.consumed_snapshot := null;
    v_cursor.window_snapshot := null;
    v_cursor.own_xid := pg_current_xact_id();
    v_cursor.own_position_seq := coalesce(v_event.event_seq, 0);
    -- For latest, the current snapshot counts as consumed. For an event, a window of the current snapshot is
    -- open, read up to that event. For beginning, nothing is consumed and no window is open (decision 016).
    if target = 'latest' then
        v_cursor.consumed_snapshot := public.fn_iu_window_snapshot();
    elsif v_event.event_id is not null then
        v_cursor.window_snapshot := public.fn_iu_window_snapshot();
        v_cursor.position_seq := v_event.event_seq;
    end if;
    return v_cursor;
end
$$;
comment on function public.fn_iu_cursor_seek(public.iu_route_worker_cursor, text) is
'The cursor after a seek. beginning: nothing counts as consumed. latest: everything in the current snapshot
counts as consumed. An event id: a window of the current snapshot is open and read up to that event; later
commits are in the next window. Writes nothing. Raises IU501 for an unknown position.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_cursor_seek(public.iu_route_worker_cursor, text)',
    'internal'
);

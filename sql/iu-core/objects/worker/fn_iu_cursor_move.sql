create or replace function public.fn_iu_cursor_move(given public.iu_route_worker_cursor, target text)
returns public.iu_route_worker_cursor
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_anchor constant public.event_outbox_cluster := public.fn_iu_cluster_anchor(given);
    v_cursor public.iu_route_worker_cursor := given;
begin
    v_cursor.anchor_no := v_anchor.anchor_no;
    v_cursor.anchor_key := v_anchor.anchor_key;
    v_cursor := public.fn_iu_cursor_seek(v_cursor, coalesce(target, 'beginning'));
    -- After a restore, a seek to the last event that the worker read resumes at its first unread event. That
    -- event can have a lower event_seq, if its transaction committed late (decision 018).
    if target is null then
        v_cursor.cursor_event_id := given.cursor_event_id;
        v_cursor.cursor_created_at := given.cursor_created_at;
        v_cursor.anchored_seq := greatest(given.anchored_seq, given.read_seq);
        v_cursor.window_snapshot := public.fn_iu_window_snapshot();
        v_cursor.position_seq := coalesce(public.fn_iu_cursor_unread_seq(given) - 1, v_cursor.anchored_seq);
    elsif v_anchor.anchor_key is distinct from given.anchor_key
        and v_cursor.window_snapshot is not null and v_cursor.cursor_event_id = given.cursor_event_id
    then
        v_cursor.anchored_seq := given.anchored_seq;
        v_cursor.position_seq := least(
            v_cursor.position_seq, public.fn_iu_cursor_unread_seq(given) - 1
        );
    end if;
    return v_cursor;
end
$$;
comment on function public.fn_iu_cursor_move(public.iu_route_worker_cursor, text) is
'The cursor after a seek (fn_iu_cursor_seek), assigned to the newest anchor, which is added if it is missing
(fn_iu_cluster_anchor). target null: where the cursor stood, that is at its first unread event, whatever
anchor it belonged to; events up to anchored_seq may then be read a second time. Writes nothing but the
anchor.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_cursor_move(public.iu_route_worker_cursor, text)', 'internal'
);

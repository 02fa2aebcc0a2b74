create or replace function public.fn_iu_window_advance(
    given public.iu_route_worker_cursor, event_seqs bigint [], own_event_seq bigint, batch_limit int
)
returns public.iu_route_worker_cursor
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_cursor public.iu_route_worker_cursor := given;
    v_seen int := coalesce(cardinality(event_seqs), 0);
begin
    if own_event_seq is not null then
        v_cursor.own_xid := pg_current_xact_id();
        v_cursor.own_position_seq := own_event_seq;
    end if;
    if v_seen < batch_limit then
        v_cursor.consumed_snapshot := v_cursor.window_snapshot;
        v_cursor.window_snapshot := null;
        v_cursor.window_start_seq := 0;
        v_cursor.window_late_xids := '{}';
        v_cursor.position_seq := 0;
    else
        v_cursor.position_seq := greatest(v_cursor.position_seq, event_seqs[v_seen]);
    end if;
    return v_cursor;
end
$$;
comment on function public.fn_iu_window_advance(public.iu_route_worker_cursor, bigint [], bigint, int) is
'The cursor after a claim: its position moved to the last event claimed, or, where fewer came than could have, the window closed
and all that it showed consumed. Writes nothing.';

create or replace function public.fn_iu_window_advance(given public.iu_route_worker_cursor, last_event_seq bigint)
returns public.iu_route_worker_cursor
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    given.position_seq := greatest(given.position_seq, last_event_seq);
    given.own_xid := pg_current_xact_id();
    given.own_position_seq := given.position_seq;
    return given;
end
$$;
comment on function public.fn_iu_window_advance(public.iu_route_worker_cursor, bigint) is
'The cursor after events up to last_event_seq were read, those of the own transaction among them: events are read in the order
of event_seq, so one position serves both. Writes nothing.';

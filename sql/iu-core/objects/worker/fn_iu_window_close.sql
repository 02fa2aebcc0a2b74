create or replace function public.fn_iu_window_close(given public.iu_route_worker_cursor)
returns public.iu_route_worker_cursor
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    -- The next window is what a new snapshot shows and this one does not. read_seq, the mark, own_xid and
    -- own_position_seq are kept, because they do not depend on the window (decision 016).
    given.consumed_snapshot := given.window_snapshot;
    given.window_snapshot := null;
    given.window_late_xids := '{}';
    given.position_seq := 0;
    return given;
end
$$;
comment on function public.fn_iu_window_close(public.iu_route_worker_cursor) is
'The cursor after its window was read completely: everything in the window is consumed. Writes nothing.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_window_close(public.iu_route_worker_cursor)',
    'internal'
);

create or replace function public.fn_iu_window_advance(
    given public.iu_route_worker_cursor, last_event_seq bigint, with_own boolean
)
returns public.iu_route_worker_cursor
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Events of the current transaction are read in the window of this run, and once more after the commit.
    -- Their position is stored separately, because the position of the window is reset for each window
    -- (decision 016).
    given.position_seq := greatest(given.position_seq, last_event_seq);
    given.read_seq := greatest(given.read_seq, last_event_seq);
    if with_own then
        given.own_position_seq := greatest(
            case when given.own_xid = pg_current_xact_id() then given.own_position_seq else 0 end,
            last_event_seq
        );
        given.own_xid := pg_current_xact_id();
    end if;
    return given;
end
$$;
comment on function public.fn_iu_window_advance(public.iu_route_worker_cursor, bigint, boolean) is
'The cursor after events up to last_event_seq were read; with_own: including events of the own transaction.
Events are read in the order of event_seq. Writes nothing.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_window_advance(public.iu_route_worker_cursor, bigint, boolean)',
    'internal'
);

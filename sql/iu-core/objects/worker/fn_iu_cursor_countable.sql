create or replace function public.fn_iu_cursor_countable(
    given public.iu_route_worker_cursor, difference text
)
returns public.iu_route_worker_cursor
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    if difference is not null then
        given.consumed_snapshot := null;
        given.window_snapshot := null;
        given.position_seq := coalesce(given.read_seq, 0);
    end if;
    return given;
end
$$;
comment on function public.fn_iu_cursor_countable(public.iu_route_worker_cursor, text) is
'The cursor for fn_iu_cursor_backlog. With a difference of fn_iu_cluster_state its snapshots are not valid
here; without them the events above the highest number that it has read are counted.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_cursor_countable(public.iu_route_worker_cursor, text)', 'internal'
);

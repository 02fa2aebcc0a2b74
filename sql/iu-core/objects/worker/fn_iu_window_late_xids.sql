-- rows 10: what the planner expects of an array of unknown length. With the default of 1,000 a batch of late
-- events took 9 per cent longer (measured, PostgreSQL 15 and 18).
create or replace function public.fn_iu_window_late_xids(given public.iu_route_worker_cursor, with_own boolean)
returns table (xid xid8, after_seq bigint)
language plpgsql stable rows 10
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    v_own constant xid8 := pg_current_xact_id();
begin
    -- A late transaction is read on from the window's position. The own one has a position of its own, which
    -- also lasts beyond this window: its events must not be read twice before the commit (decision 016).
    return query
    select late.xid, given.position_seq from unnest(given.window_late_xids) as late (xid)
    union all
    select v_own, case when given.own_xid = v_own then given.own_position_seq else 0 end where with_own;
end
$$;
comment on function public.fn_iu_window_late_xids(public.iu_route_worker_cursor, boolean) is
'The transactions of a window that are looked up one by one, each with the event_seq after which to read
on: the late ones and, with_own, the own one. Reads only.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_window_late_xids(public.iu_route_worker_cursor, boolean)',
    'internal'
);

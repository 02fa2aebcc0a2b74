create or replace function public.fn_iu_window_own_seq(given public.iu_route_worker_cursor, own_xid xid8)
returns bigint
language sql stable parallel safe
return case when (given).own_xid = fn_iu_window_own_seq.own_xid then (given).own_position_seq else 0 end;
comment on function public.fn_iu_window_own_seq(public.iu_route_worker_cursor, xid8) is
'The event_seq up to which the transaction own_xid has read its own events. It lasts beyond a window, so that
they are not read twice before the commit (decision 016). 0 where it has read none. Bound when it is created,
so it needs no search_path and its callers inline it.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_window_own_seq(public.iu_route_worker_cursor, xid8)', 'internal'
);

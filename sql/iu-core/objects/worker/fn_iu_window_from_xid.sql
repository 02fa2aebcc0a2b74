-- A transaction with a lower id is either visible in consumed_snapshot, and was read before, or was open in
-- it, and is read as a late transaction (decision 016).
create or replace function public.fn_iu_window_from_xid(given public.iu_route_worker_cursor)
returns xid8
language sql stable parallel safe
return coalesce(pg_snapshot_xmax((given).consumed_snapshot), cast('0' as xid8));
comment on function public.fn_iu_window_from_xid(public.iu_route_worker_cursor) is
'The first transaction id that consumed_snapshot counts as future: the start of the id range of a window,
which does not include late transactions. The body is bound at creation and inlined.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_window_from_xid(public.iu_route_worker_cursor)',
    'internal'
);

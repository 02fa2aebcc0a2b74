create or replace function public.fn_iu_window_until_xid(
    given public.iu_route_worker_cursor, restored_seq bigint
)
returns xid8
language sql stable parallel safe
return coalesce(
    case when public.fn_iu_window_after_seq(given) < restored_seq then cast('18446744073709551615' as xid8) end,
    pg_snapshot_xmax((given).window_snapshot)
);
comment on function public.fn_iu_window_until_xid(public.iu_route_worker_cursor, bigint) is
'The transaction id before which the range of a window''s events ends: the first that window_snapshot counts
as to come. There is no end while restored events are still to be read, for their ids are another cluster''s.
Bound when it is created, so it needs no search_path and its callers inline it.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_window_until_xid(public.iu_route_worker_cursor, bigint)', 'internal'
);

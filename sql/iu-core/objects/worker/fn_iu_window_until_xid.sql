-- No transaction from this id on is visible in window_snapshot. Written as an id range, the condition is
-- tested in the index. Rows of newer transactions are not fetched from the table (decision 016).
create or replace function public.fn_iu_window_until_xid(
    given public.iu_route_worker_cursor, restored_seq bigint
)
returns xid8
language sql stable parallel safe
return coalesce(
    case
        when public.fn_iu_window_after_seq(given) < restored_seq then cast('18446744073709551615' as xid8)
    end,
    pg_snapshot_xmax((given).window_snapshot)
);
comment on function public.fn_iu_window_until_xid(public.iu_route_worker_cursor, bigint) is
'The transaction id before which the id range of a window ends: the first that window_snapshot counts as
future. The range has no end while restored events are unread, because their ids belong to another cluster.
The body is bound at creation and inlined.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_window_until_xid(public.iu_route_worker_cursor, bigint)', 'internal'
);

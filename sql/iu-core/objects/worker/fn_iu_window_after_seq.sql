create or replace function public.fn_iu_window_after_seq(given public.iu_route_worker_cursor)
returns bigint
language sql stable parallel safe
return coalesce(greatest(
    (given).position_seq,
    case when (given).consumed_snapshot is not null then (given).window_start_seq - 1 end
), 0);
comment on function public.fn_iu_window_after_seq(public.iu_route_worker_cursor) is
'The event_seq after which a cursor reads on, late transactions apart: how far it has read in its
window, and at least to where the window starts. 0 for a cursor that is null. Bound when it is
created, so it needs no search_path and its callers inline it.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_window_after_seq(public.iu_route_worker_cursor)',
    'internal'
);

-- Without consumed_snapshot (a new cursor, or a seek to the beginning or to an event) transactions of any age
-- are in the window, and window_start_seq does not apply (decision 016).
create or replace function public.fn_iu_window_after_seq(given public.iu_route_worker_cursor)
returns bigint
language sql stable parallel safe
return coalesce(greatest(
    (given).position_seq,
    case when (given).consumed_snapshot is not null then (given).window_start_seq - 1 end
), 0);
comment on function public.fn_iu_window_after_seq(public.iu_route_worker_cursor) is
'The event_seq after which the cursor continues, apart from late transactions: its position in the window, but
not below the start of the window; 0 for a null cursor. The body is bound at creation and inlined.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_window_after_seq(public.iu_route_worker_cursor)',
    'internal'
);

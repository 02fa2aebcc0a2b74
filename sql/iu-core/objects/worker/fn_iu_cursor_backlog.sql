-- enable_seqscan off: a transaction is looked up in event_outbox_by_xid, whatever the statistics of
-- emitted_xid say. The collation of the query excludes the other index (decision 011).
-- force_generic_plan: one plan per session, independent of parameter values (decision 011).
create or replace function public.fn_iu_cursor_backlog(
    given public.iu_route_worker_cursor, restored_seq bigint, cap int,
    out events int, out oldest_at timestamptz
)
language plpgsql stable
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_variable
begin
    select b.events, b.oldest_at into events, oldest_at
    from public.fn_iu_window_backlog(given, restored_seq, cap) as b;
end
$$;
comment on function public.fn_iu_cursor_backlog(public.iu_route_worker_cursor, bigint, int) is
'The row of fn_iu_window_backlog, for callers that count the backlog of one cursor.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_cursor_backlog(public.iu_route_worker_cursor, bigint, int)',
    'internal'
);

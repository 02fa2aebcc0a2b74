-- enable_seqscan, enable_bitmapscan and enable_sort off: the claim must walk the index on event_seq in its
-- order. Where a sort is allowed, reading 100,000 transaction ids to sort them can look cheaper, and costs
-- nine times as much (decision 011).
-- force_generic_plan: a range whose values are not known is estimated without statistics, so they cannot turn
-- the plan (decision 011). It is also made only once a session.
create or replace function public.fn_iu_attempts_write_dry(
    given public.iu_route_worker_cursor, batch public.iu_route_batch, asked public.iu_attempts_request
)
returns public.iu_route_batch
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
set plan_cache_mode = force_generic_plan
as $$
declare
    v_after constant bigint := public.fn_iu_window_after_seq(given);
    v_from constant xid8 := public.fn_iu_window_from_xid(given);
    v_until constant xid8 := public.fn_iu_window_until_xid(given, v_after, asked.restored_seq);
    v_shown constant xid8 := pg_snapshot_xmin(given.window_snapshot);
    v_now constant timestamptz := clock_timestamp();
    v_types text [];
    v_routes int [];
    v_versions int [];
    v_is_simple boolean;
begin
    -- The routes as arrays, in which an event finds its route by one position: cheaper than a join
    -- (decision 010).
    select
        coalesce(array_agg(r.event_type), '{}'), array_agg(r.route_no), array_agg(r.route_version),
        coalesce(bool_and(r.dry_run), true) and count(*) <= 16 and count(*) = count(distinct r.event_type)
    into v_types, v_routes, v_versions, v_is_simple
    from (
        select * from public.iu_outbound_route as o where o.enabled order by o.event_type, o.route_no limit 17
    ) as r;
    if not v_is_simple then
        return null;
    end if;
    -- Read once and held, then written and counted from there: a second look at index and table costs more
    -- than to hold a thousand short rows (decision 010). Below v_shown every transaction has ended, so the
    -- snapshot need not be searched.
    with claimed as materialized (
        -- The result of the subquery is a flat array; v_types is an expanded one, flattened for every row.
        select o.event_id, o.event_seq, array_position((select v_types), o.event_type) as place
        from public.event_outbox as o
        where o.event_domain = given.event_domain and o.event_seq > v_after
            and o.emitted_xid >= v_from and o.emitted_xid < v_until and (
                o.emitted_xid < v_shown or o.event_seq <= asked.restored_seq
                or pg_visible_in_snapshot(o.emitted_xid, given.window_snapshot)
            )
        order by o.event_seq limit asked.batch_limit
    ),
    numbered (no) as materialized (
        select coalesce(batch.batch_id, nextval('public.iu_route_batch_batch_id_seq')) from claimed limit 1
    ),
    written as (
        insert into public.iu_route_attempt_log (
            batch_id, created_at, event_id, worker_no, route_no, route_version, decision
        )
        select (select n.no from numbered as n), v_now, c.event_id, given.worker_no,
            coalesce(v_routes[c.place], 0), coalesce(v_versions[c.place], 0),
            case when c.place is null then 'skipped' else 'dry_run' end
        from claimed as c
    )
    select (select n.no from numbered as n),
        count(*), min(c.event_seq), max(c.event_seq), count(*) - count(c.place)
    into batch.batch_id, batch.seen, batch.first_event_seq, batch.last_event_seq, batch.skipped
    from claimed as c;
    batch.failed := 0;
    batch.attempts_written := batch.seen;
    batch.dry_run := batch.attempts_written - batch.skipped;
    return batch;
end
$$;
comment on function public.fn_iu_attempts_write_dry(
    public.iu_route_worker_cursor, public.iu_route_batch, public.iu_attempts_request
) is
'The quick way to write a batch, for a window without late transactions and own events: claims its
next events, at most batch_limit, in the order of event_seq, and writes an attempt for each enabled
route of the event''s type, one that is skipped where there is none. Declines, and returns null
having written nothing, where an enabled route is not dry, more than 16 are enabled, or a type has
more than one; fn_iu_attempts_write does those. Numbers the batch where it sees an event. Returns
the batch with its counts and its first and last event_seq. An attempt that exists already raises
unique_violation. The caller holds the worker''s cursor.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_attempts_write_dry(public.iu_route_worker_cursor, public.iu_route_batch, public.iu_attempts_request)',
    'internal'
);

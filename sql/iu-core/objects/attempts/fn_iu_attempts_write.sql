-- enable_seqscan, enable_bitmapscan and enable_sort off: the claim must walk the index on event_seq in its
-- order. Where a sort is allowed, reading 100,000 transaction ids to sort them can look cheaper, and costs
-- nine times as much (decision 011). The merged events and the attempts have no order of their own and are
-- sorted all the same.
-- force_generic_plan: a range whose values are not known is estimated without statistics, so they cannot turn
-- the plan (decision 011). It is also made only once a session.
-- The routes are looked up once a type: a probe of them for every event costs 0.6 µs more (decision 010).
create or replace function public.fn_iu_attempts_write(
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
begin
    -- The window's events by one range of event_seq, merged with those of late transactions, which lie far
    -- below it (decision 016). Each part brings as many as the batch may have; the merge keeps the first.
    with claimed as materialized (
        (select o.event_seq, o.event_id, o.event_type from public.event_outbox as o
            where o.event_domain = given.event_domain and o.event_seq > v_after
                and o.emitted_xid >= v_from and o.emitted_xid < v_until
                and (o.event_seq <= asked.restored_seq
                    or pg_visible_in_snapshot(o.emitted_xid, given.window_snapshot))
            order by o.event_seq limit asked.batch_limit)
        union all
        select late.* from public.fn_iu_window_late_xids(given, asked.with_own) as open
        cross join lateral (
            -- a range of one id: only the index that has this order serves it, whatever statistics say
            select o.event_seq, o.event_id, o.event_type from public.event_outbox as o
            where o.event_domain = given.event_domain and o.emitted_xid between open.xid and open.xid
                and o.event_seq > greatest(open.after_seq, asked.restored_seq)
            order by o.emitted_xid, o.event_seq limit asked.batch_limit
        ) as late
        order by event_seq limit asked.batch_limit
    ),
    numbered (no) as materialized (
        select coalesce(batch.batch_id, nextval('public.iu_route_batch_batch_id_seq')) from claimed limit 1
    ),
    routed (event_type, route_code, no, version, plan) as materialized (
        select t.event_type, r.route_code, coalesce(r.route_no, 0), coalesce(r.route_version, 0),
            case when r.route_no is null then 'skipped' when r.dry_run then 'dry_run' else 'sent' end
        from (select distinct c.event_type from claimed as c) as t
        left join public.iu_outbound_route as r on r.event_type = t.event_type and r.enabled
    ),
    decided as materialized (
        select c.event_seq, c.event_id, r.no, r.version, r.plan, coalesce(asked.failure, case r.plan
            when 'sent' then public.fn_iu_attempt_decide(c.event_id, r.route_code)
        end) as failure
        from claimed as c inner join routed as r on r.event_type = c.event_type
        where not asked.leave_known or not public.fn_iu_attempt_exists(c.event_id, given.worker_no, r.no)
    ),
    -- In the order of events: the join shuffles them, and the audit's own order is theirs.
    written as (
        insert into public.iu_route_attempt_log (batch_id, event_id, worker_no, route_no, route_version,
            decision, error_code, error_detail)
        select (select n.no from numbered as n), d.event_id, given.worker_no, d.no, d.version,
            case when d.failure is null then d.plan else 'failed' end,
            case when d.failure is not null then 'worker_process_error' end, d.failure
        from decided as d order by d.event_seq, d.no
    )
    select (select n.no from numbered as n), c.*, d.*
    into batch.batch_id, batch.seen, batch.first_event_seq, batch.last_event_seq,
        batch.attempts_written, batch.failed, batch.skipped, batch.dry_run
    from (select count(*), min(event_seq), max(event_seq) from claimed) as c
    cross join (
        select count(*), count(failure), count(*) filter (where failure is null and plan = 'skipped'),
            count(*) filter (where failure is null and plan = 'dry_run') from decided
    ) as d;
    return batch;
end
$$;
comment on function public.fn_iu_attempts_write(
    public.iu_route_worker_cursor, public.iu_route_batch, public.iu_attempts_request
) is
'The batch in one statement: claims the next events of the open window, at most batch_limit, in the
order of event_seq (those of newer transactions by the index on event_seq; those of late
transactions and, with_own, of the own one, each by the index on emitted_xid), decides, and writes
an attempt for each enabled route of the event''s type, one that is skipped where there is none.
Numbers the batch where it sees an event. Returns the batch with its counts and its first and last
event_seq, null where nothing is left. leave_known leaves attempts alone that exist already (a
re-claim); else one raises unique_violation. A failure makes every attempt a failed one with
this detail. The caller holds the worker''s cursor.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_attempts_write(public.iu_route_worker_cursor, public.iu_route_batch, public.iu_attempts_request)',
    'internal'
);

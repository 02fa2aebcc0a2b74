-- enable_seqscan off: the claim walks event_outbox_by_seq in its order, whatever the statistics say; its
-- collation leaves no other index (decision 011).
-- enable_nestloop and enable_mergejoin off: nothing tells the planner how many events are claimed. A nested loop
-- over what it believes to be one row compares each event of 1,000 types with each route, and a merge join
-- sorts the events by the collation of their type; the routes are to be hashed (decision 010). The late
-- transactions of the claim can only be joined by a nested loop, and still are.
-- force_generic_plan: the plan must not depend on the values, and is made once a session (decision 011).
create or replace function public.fn_iu_attempts_write(
    given public.iu_route_worker_cursor, batch public.iu_route_batch, asked public.iu_attempts_request
)
returns public.iu_route_batch
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_nestloop = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
declare
    v_after constant bigint := public.fn_iu_window_after_seq(given);
    v_from constant xid8 := public.fn_iu_window_from_xid(given);
    v_until constant xid8 := public.fn_iu_window_until_xid(given, v_after, asked.restored_seq);
    v_own constant xid8 := case when asked.with_own then pg_current_xact_id() end;
    v_own_after constant bigint := public.fn_iu_window_own_seq(given, v_own);
    v_now constant timestamptz := clock_timestamp();
    v_types text [];
    v_routes int [];
    v_versions int [];
begin
    -- Both statements claim the events once, write the attempts in their order and count what was written.
    -- Where every route is dry and no type has two, an event finds its route by its place in an array; the
    -- subquery makes the array flat once, for a variable holds an expanded one (decision 010).
    if asked.failure is null and not asked.leave_known then
        select p.* into v_types, v_routes, v_versions from public.fn_iu_route_places() as p;
    end if;
    if v_types is not null then
        with claimed as materialized (
            select c.event_seq, c.event_id, array_position((select v_types), c.event_type) as place
            from public.fn_iu_window_claim(given.event_domain, v_after, v_from, v_until, given.window_snapshot,
                asked.restored_seq, given.window_late_xids, given.position_seq, v_own, v_own_after,
                asked.batch_limit) as c
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
        select (select n.no from numbered as n), count(*), min(c.event_seq), max(c.event_seq), count(*), 0,
            count(*) - count(c.place), count(c.place)
        into batch.batch_id, batch.seen, batch.first_event_seq, batch.last_event_seq, batch.attempts_written,
            batch.failed, batch.skipped, batch.dry_run
        from claimed as c;
        return batch;
    end if;
    with claimed as materialized (
        select c.*
        from public.fn_iu_window_claim(given.event_domain, v_after, v_from, v_until, given.window_snapshot,
            asked.restored_seq, given.window_late_xids, given.position_seq, v_own, v_own_after,
            asked.batch_limit) as c
    ),
    numbered (no) as materialized (
        select coalesce(batch.batch_id, nextval('public.iu_route_batch_batch_id_seq')) from claimed limit 1
    ),
    decided as materialized (
        select c.event_seq, c.event_id, coalesce(r.route_no, 0) as no, coalesce(r.route_version, 0) as version,
            case when r.dry_run then 'dry_run' when r.route_no is null then 'skipped' else 'sent' end as plan,
            coalesce(asked.failure, case
                when not r.dry_run then public.fn_iu_attempt_decide(c.event_id, r.route_code)
            end) as failure
        from claimed as c
        left join public.iu_outbound_route as r on r.event_type = c.event_type and r.enabled
        where not asked.leave_known
            or not public.fn_iu_attempt_exists(c.event_id, given.worker_no, coalesce(r.route_no, 0))
    ),
    written as (
        insert into public.iu_route_attempt_log (
            batch_id, created_at, event_id, worker_no, route_no, route_version, decision, error_code, error_detail
        )
        select (select n.no from numbered as n), v_now, d.event_id, given.worker_no, d.no, d.version,
            case when d.failure is null then d.plan else 'failed' end,
            case when d.failure is not null then 'worker_process_error' end, d.failure
        from decided as d
        order by d.event_seq, d.no
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
'Writes a batch: claims the next events of the open window (fn_iu_window_claim), at most batch_limit, with_own
those of the own transaction too, and writes an attempt for each enabled route of the event''s type, one that
is skipped where there is none, in the order of event_seq. Numbers the batch where it sees an event. Returns
the batch with its counts and its first and last event_seq, null where nothing is left. leave_known leaves
attempts alone that exist already (a re-claim); else one raises unique_violation. A failure makes every
attempt a failed one with this detail. The caller holds the worker''s cursor.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_attempts_write(public.iu_route_worker_cursor, public.iu_route_batch, public.iu_attempts_request)',
    'internal'
);

-- enable_seqscan off: the claim scans event_outbox_by_seq in order, whatever the statistics say. The
-- collation of the query excludes the other index (decision 011).
-- enable_nestloop and enable_mergejoin off: the planner cannot know how many events are claimed and assumes
-- one. A nested loop would compare each event with every route, a merge join would sort the events by the
-- collation of their type; only the hash join is fast for 1,000 types (decision 010). Late transactions are
-- read by a lateral join, which uses a nested loop in spite of this setting.
-- force_generic_plan: one plan per session, independent of parameter values (decision 011).
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
    v_now constant timestamptz := clock_timestamp();
begin
    -- One statement claims, decides, writes and counts, because reading the events twice costs more than
    -- materializing them (decision 010). batch_id is drawn only if there is an event. The second half of a
    -- bisected batch keeps the batch_id of the first.
    with claimed as materialized (
        select c.*
        from public.fn_iu_window_claim(given, asked) as c
    ),
    numbered (no) as materialized (
        select coalesce(batch.batch_id, nextval('public.iu_route_batch_batch_id_seq')) from claimed limit 1
    ),
    decided as materialized (
        select c.event_seq, c.event_id, coalesce(r.route_no, 0) as no,
            coalesce(r.route_version, 0) as version,
            case when r.dry_run then 'dry_run' when r.route_no is null then 'skipped' else 'sent' end as plan,
            coalesce(asked.failure, case
                when not r.dry_run then public.fn_iu_attempt_decide(c.event_id, r.route_code)
            end) as failure
        from claimed as c
        left join public.iu_outbound_route as r on r.event_type = c.event_type and r.enabled
        where not asked.leave_known
            or not public.fn_iu_attempt_exists(c.event_id, given.worker_no, coalesce(r.route_no, 0))
    ),
    -- The order makes attempt_id follow event_seq, which the audit functions rely on (decision 041).
    written as (
        insert into public.iu_route_attempt_log (
            batch_id, created_at, event_id, worker_no, route_no, route_version, decision, error_code,
            error_detail
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
'Writes a batch: claims at most batch_limit events of the open window (fn_iu_window_claim) and writes an
attempt for each enabled route of each event, or one with decision skipped if there is none, in the order of
event_seq. Draws batch_id if it reads an event. Returns the batch with its counts and its first and last
event_seq, which are null if no event is left. If asked.leave_known is true, existing attempts are left out (a
re-claim); otherwise an existing attempt raises unique_violation. If asked.failure is set, every attempt is
recorded as failed with that detail. The caller must have locked the worker''s cursor.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_attempts_write('
    'public.iu_route_worker_cursor, public.iu_route_batch, public.iu_attempts_request)',
    'internal'
);

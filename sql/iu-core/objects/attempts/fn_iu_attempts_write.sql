create or replace function public.fn_iu_attempts_write(
    given public.iu_route_worker_cursor, batch public.iu_route_batch, restored_seq bigint, batch_limit int,
    with_own boolean, leave_known boolean, given_failure text
)
returns public.iu_route_batch
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_variable
declare
    v_own constant xid8 := pg_current_xact_id();
    v_own_after constant bigint := case when given.own_xid = v_own then given.own_position_seq else 0 end;
    v_after constant bigint := greatest(given.position_seq, case when given.consumed_snapshot is not null then given.window_start_seq - 1 end);
    v_from constant xid8 := coalesce(pg_snapshot_xmax(given.consumed_snapshot), '0');
    v_until constant xid8 := case when v_after < restored_seq then '18446744073709551615' else pg_snapshot_xmax(given.window_snapshot) end;
begin
    with claimed as materialized (
        (
            select o.event_seq, o.event_id, o.event_type from public.event_outbox as o
            where o.event_domain = given.event_domain and o.event_seq > v_after
                and o.emitted_xid >= v_from and o.emitted_xid < v_until
                and (o.event_seq <= restored_seq or pg_visible_in_snapshot(o.emitted_xid, given.window_snapshot))
            order by o.event_seq limit batch_limit
        )
        union all
        select late.* from (
            select xid, given.position_seq from unnest(given.window_late_xids) as xid
            union all select v_own, v_own_after where with_own
        ) as open (xid, after_seq)
        cross join lateral (
            select o.event_seq, o.event_id, o.event_type from public.event_outbox as o
            where o.event_domain = given.event_domain and o.emitted_xid between open.xid and open.xid
                and o.event_seq > greatest(open.after_seq, restored_seq)
            order by o.emitted_xid, o.event_seq limit batch_limit
        ) as late
        order by event_seq limit batch_limit
    ),
    numbered (no) as materialized (select coalesce(batch.batch_id, nextval('public.iu_route_batch_batch_id_seq')) from claimed limit 1),
    routed as materialized (
        select t.event_type, r.route_no, r.route_version, r.route_code, r.dry_run from (select distinct event_type from claimed) as t
        left join public.iu_outbound_route as r on r.event_type = t.event_type and r.enabled
    ),
    decided as materialized (
        select c.event_seq, c.event_id, coalesce(r.route_no, 0) as route_no, coalesce(r.route_version, 0) as route_version,
            case when r.route_no is null then 'skipped' when r.dry_run then 'dry_run' else 'sent' end as decision,
            coalesce(given_failure, case when not r.dry_run then public.fn_iu_attempt_decide(c.event_id, r.route_code) end) as failure
        from claimed as c inner join routed as r on r.event_type = c.event_type
        where not leave_known or not public.fn_iu_attempt_exists(c.event_id, given.worker_no, coalesce(r.route_no, 0))
    ),
    written as (
        insert into public.iu_route_attempt_log (batch_id, event_id, worker_no, route_no, route_version, decision, error_code, error_detail)
        select (select n.no from numbered as n), d.event_id, given.worker_no, d.route_no, d.route_version,
            case when d.failure is null then d.decision else 'failed' end,
            case when d.failure is not null then 'worker_process_error' end, d.failure
        from decided as d order by d.event_seq, d.route_no
    )
    select (select n.no from numbered as n), c.*, d.*
    into batch.batch_id, batch.seen, batch.first_event_seq, batch.last_event_seq,
        batch.attempts_written, batch.failed, batch.skipped, batch.dry_run
    from (select count(*), min(event_seq), max(event_seq) from claimed) as c
    cross join (
        select
            count(*), count(failure), count(*) filter (where failure is null and decision = 'skipped'),
            count(*) filter (where failure is null and decision = 'dry_run')
        from decided
    ) as d;
    return batch;
end
$$;
comment on function public.fn_iu_attempts_write(
    public.iu_route_worker_cursor, public.iu_route_batch, bigint, int, boolean, boolean, text
) is
'The batch in one statement: claims the next events of the open window, at most batch_limit, in the
order of event_seq (those of newer transactions by the index on event_seq; those of late
transactions and, with_own, of the own one, each by the index on emitted_xid), decides, and writes
an attempt for each enabled route of the event''s type, one that is skipped where there is none.
Numbers the batch where it sees an event. Returns the batch with its counts and its first and last
event_seq, null where nothing is left. leave_known leaves attempts alone that exist already (a
re-claim); else one raises unique_violation. given_failure makes every attempt a failed one with
this detail. The caller holds the worker''s cursor.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_attempts_write(public.iu_route_worker_cursor, public.iu_route_batch, bigint, int, boolean, boolean, text)',
    'internal'
);

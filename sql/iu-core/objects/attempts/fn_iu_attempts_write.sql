create or replace function public.fn_iu_attempts_write(
    worker_no int, batch_id bigint, event_ids uuid [], event_types text [], leave_known boolean,
    out attempts_written int, out dry_run int, out skipped int, out failed int
)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_variable
begin
    with decided as materialized (
        select
            e.event_id, coalesce(r.route_no, 0) as route_no, coalesce(r.route_version, 0) as route_version, e.place,
            case when not r.dry_run then public.fn_iu_attempt_decide(e.event_id, r.route_code) end as failure,
            case when r.route_no is null then 'skipped' when r.dry_run then 'dry_run' end as harmless
        from unnest(event_ids, event_types) with ordinality as e (event_id, event_type, place)
        left join public.iu_outbound_route as r on r.event_type = e.event_type and r.enabled
        where not leave_known or not exists (
            select from public.iu_route_attempt_log as known
            where known.event_id = e.event_id and known.worker_no = fn_iu_attempts_write.worker_no
                and known.route_no = coalesce(r.route_no, 0) and known.attempt_no = 1
        )
    ),
    written as (
        insert into public.iu_route_attempt_log
        (batch_id, event_id, worker_no, route_no, route_version, decision, error_code, error_detail)
        select
            batch_id, d.event_id, worker_no, d.route_no, d.route_version,
            coalesce(d.harmless, case when d.failure is null then 'sent' else 'failed' end),
            case when d.failure is not null then 'worker_process_error' end, d.failure
        from decided as d
        order by d.place, d.route_no
    )
    select
        count(*), count(*) filter (where d.harmless = 'dry_run'), count(*) filter (where d.harmless = 'skipped'),
        count(*) filter (where d.failure is not null)
    into attempts_written, dry_run, skipped, failed
    from decided as d;
end
$$;
comment on function public.fn_iu_attempts_write(int, bigint, uuid [], text [], boolean) is
'Decides and writes the first attempts of the given events in one statement, in the order given: an attempt for each enabled
route of the event''s type, one that is skipped where there is none. Returns how many rows came of which decision. An
attempt that exists already is left alone where leave_known is true (a re-claim), else it raises unique_violation. Raises
whatever the insert raises. The caller holds the worker''s cursor, so nobody else writes first attempts of this worker.';

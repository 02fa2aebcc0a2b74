-- The SQL of status.py.

-- name: workers
select
    worker_name, event_domain, healthy, faults, backlog, backlog_capped, backlog_oldest_seconds, last_run_at,
    last_progress_at, retired_at
from public.fn_iu_workers_status(%(counted)s);

-- name: outbox_notes
-- Not unnested: the planner would call the function to estimate the number of rows.
select public.fn_iu_outbox_notes() as notes;

-- name: routes
select
    target_kind,
    count(*) filter (where enabled) as enabled,
    count(*) filter (where not enabled) as disabled
from public.iu_outbound_route
group by target_kind
order by target_kind;

-- name: causes
-- The open letters are read by their index, in the order in which they are due.
select
    worker_name,
    route_code,
    failure_code,
    substring(failure_detail from '^[0-9A-Z]{5}(?= )') as sqlstate,
    count(*) as letters,
    min(created_at) as oldest_at,
    max(created_at) as newest_at,
    (array_agg(failure_detail order by created_at desc))[1] as newest_detail
from (
    select
        worker_name, route_code, failure_code, failure_detail, created_at
    from public.iu_route_dead_letter
    where resolution is null
    order by next_replay_at, dead_letter_id
    limit %(counted)s
) as open
group by worker_name, route_code, failure_code, sqlstate
order by letters desc, worker_name asc, route_code asc, failure_code asc, sqlstate asc;

-- name: server_version
select current_setting('server_version') as server_version;

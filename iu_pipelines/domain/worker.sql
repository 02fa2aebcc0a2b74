-- The SQL of worker.py.

-- name: run_once
select public.fn_iu_route_worker_run(%(worker_name)s, %(batch_limit)s::integer, %(run_ref)s) as answer;

-- name: names
select c.worker_name, c.worker_name = %(worker_name)s as is_wanted
from public.iu_route_worker_cursor as c
where c.cursor_kind = 'audit'
order by c.worker_name;

-- name: list_workers
select
    worker_name, event_domain, last_run_at, retired_at
from public.iu_route_worker_cursor
where cursor_kind = 'audit'
order by worker_name;

-- name: add
select public.fn_iu_route_worker_add(%(worker_name)s, %(event_domain)s, %(reason)s) as answer;

-- name: retire
select public.fn_iu_route_worker_retire(%(worker_name)s, %(reason)s) as answer;

-- name: is_pending
select public.fn_iu_route_worker_pending(%(worker_name)s) as is_pending;

-- name: seek
select public.fn_iu_route_worker_seek(%(worker_name)s, %(position)s, %(reason)s) as answer;

-- name: seeks
-- Seeks have no index by worker: only the newest 1,000 of all workers are searched.
select
    newest.worker_name, newest.position, newest.from_event_id, newest.to_event_id, newest.reason,
    newest.sought_at, newest.sought_by
from (
    select
        seek_no, worker_name, position, from_event_id, to_event_id, reason, sought_at, sought_by
    from public.iu_route_worker_seek
    order by seek_no desc
    limit 1000
) as newest
where newest.worker_name = %(worker_name)s
order by newest.seek_no desc
limit %(max_rows)s;

-- name: batches
select
    batch_id, worker_name, event_domain, run_ref, started_at, finished_at, seen, attempts_written, dry_run,
    skipped, failed, dead_lettered, first_event_seq, last_event_seq
from public.iu_route_batch
where
    (%(worker_name)s::text is null or worker_name = %(worker_name)s)
    and (%(run_ref)s::text is null or run_ref = %(run_ref)s)
order by batch_id desc
limit %(max_rows)s;

-- name: batches_after
select
    batch_id, worker_name, event_domain, run_ref, started_at, finished_at, seen, attempts_written, dry_run,
    skipped, failed, dead_lettered, first_event_seq, last_event_seq
from public.iu_route_batch
where worker_name = %(worker_name)s and batch_id > %(batch_id)s and run_ref = %(run_ref)s
order by batch_id
limit %(max_rows)s;

-- name: run_totals
select
    count(*) as batches,
    coalesce(sum(seen), 0) as seen,
    coalesce(sum(attempts_written), 0) as attempts_written,
    coalesce(sum(dry_run), 0) as dry_run,
    coalesce(sum(skipped), 0) as skipped,
    coalesce(sum(failed), 0) as failed,
    coalesce(sum(dead_lettered), 0) as dead_lettered,
    min(started_at) as started_at,
    max(finished_at) as finished_at
from public.iu_route_batch
where run_ref = %(run_ref)s;

-- name: run_curve
-- The batches of the run are divided into groups of about the same size. The last batch of each is a point.
with numbered as (
    select
        batch_id,
        extract(epoch from finished_at - min(started_at) over ())::float8 as seconds,
        sum(seen) over (order by batch_id) as seen,
        sum(failed) over (order by batch_id) as failed,
        ntile(%(points)s) over (order by batch_id) as part
    from public.iu_route_batch
    where run_ref = %(run_ref)s
)

select distinct on (part)
    seconds,
    seen,
    failed
from numbered
order by part asc, batch_id desc;

-- name: batch
select
    batch_id, worker_name, event_domain, run_ref, started_at, finished_at, seen, attempts_written, dry_run,
    skipped, failed, dead_lettered, first_event_seq, last_event_seq
from public.iu_route_batch
where batch_id = %(batch_id)s;

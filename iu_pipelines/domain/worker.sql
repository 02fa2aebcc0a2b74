-- The SQL of worker.py.

-- name: run_once
select public.fn_iu_route_worker_run(%(worker_name)s, %(batch_limit)s::integer, %(run_ref)s) as answer;

-- name: names
select c.worker_name, c.worker_name = %(worker_name)s as is_wanted
from public.iu_route_worker_cursor as c
order by c.worker_name;

-- name: is_pending
select public.fn_iu_route_worker_pending(%(worker_name)s) as is_pending;

-- name: seek
select public.fn_iu_route_worker_seek(%(worker_name)s, %(position)s, %(reason)s) as answer;

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

-- name: batch
select
    batch_id, worker_name, event_domain, run_ref, started_at, finished_at, seen, attempts_written, dry_run,
    skipped, failed, dead_lettered, first_event_seq, last_event_seq
from public.iu_route_batch
where batch_id = %(batch_id)s;

-- The SQL of attempts.py.

-- name: counts_by_decision
select
    decision,
    sum(attempts)::bigint as attempts
from (
    select
        counted.decision,
        counted.attempts
    from public.iu_route_batch as b
    cross join
        lateral (values ('dry_run', b.dry_run), ('skipped', b.skipped), ('failed', b.failed))
            as counted (decision, attempts)
    union all
    select
        a.decision,
        count(*)
    from public.iu_route_attempt_log as a
    where a.attempt_no > 1
    group by a.decision
) as counts
group by decision
having sum(attempts) > 0
order by attempts desc, decision asc;

-- name: recent
select
    attempt_id, batch_id, worker_name, event_id, route_code, idempotency_key, attempt_no, status,
    decision, delivered, target_kind, target_ref, error_code, error_detail, created_at, run_ref
from public.fn_iu_attempts_newest(%(max_rows)s::integer, %(before)s::bigint)
order by attempt_id desc;

-- name: for_run
select
    attempt_id, batch_id, worker_name, event_id, route_code, idempotency_key, attempt_no, status,
    decision, delivered, target_kind, target_ref, error_code, error_detail, created_at, run_ref
from public.fn_iu_attempts_by_run(%(run_ref)s, %(max_rows)s::integer, %(before)s::bigint)
order by attempt_id desc;

-- name: for_worker
select
    attempt_id, batch_id, worker_name, event_id, route_code, idempotency_key, attempt_no, status,
    decision, delivered, target_kind, target_ref, error_code, error_detail, created_at, run_ref
from public.fn_iu_attempts_by_worker(%(worker_name)s, %(max_rows)s::integer, %(before)s::bigint)
order by attempt_id desc;

-- name: for_batch
select
    attempt_id, batch_id, worker_name, event_id, route_code, idempotency_key, attempt_no, status,
    decision, delivered, target_kind, target_ref, error_code, error_detail, created_at, run_ref
from public.fn_iu_attempts_by_batch(%(batch_id)s::bigint, %(max_rows)s::integer, %(before)s::bigint)
order by attempt_id;

-- name: for_event
select
    attempt_id, batch_id, worker_name, event_id, route_code, idempotency_key, attempt_no, status,
    decision, delivered, target_kind, target_ref, error_code, error_detail, created_at, run_ref
from public.fn_iu_attempts_by_event(%(event_id)s)
order by attempt_id;

-- name: for_key
select
    attempt_id, batch_id, worker_name, event_id, route_code, idempotency_key, attempt_no, status,
    decision, delivered, target_kind, target_ref, error_code, error_detail, created_at, run_ref
from public.fn_iu_attempts_by_key(%(idempotency_key)s)
order by attempt_id;

-- name: attempt
select
    attempt_id, batch_id, worker_name, event_id, route_code, idempotency_key, attempt_no, status,
    decision, delivered, target_kind, target_ref, error_code, error_detail, created_at, run_ref
from public.fn_iu_attempts_by_id(%(attempt_id)s::bigint)
order by attempt_id;

-- name: conservation
select
    events_unattempted,
    batches_checked,
    batches_differing
from public.fn_iu_attempts_conservation(%(worker_name)s, %(newest)s);

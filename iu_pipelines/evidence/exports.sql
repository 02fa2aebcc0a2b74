-- The SQL of exports.py. Each query reads its whole table once, and sorts it if it has no such index.

-- name: plan_for_all_rows
-- The whole result is read, so the plan is to be that of the whole query and not of its first rows.
set local cursor_tuple_fraction = 1;

-- name: attempts
select
    attempt_id, batch_id, worker_name, event_id::text, route_code, idempotency_key, attempt_no, status,
    decision, delivered, target_kind, target_ref, error_code, error_detail, created_at, run_ref
from public.iu_route_attempt
where
    (%(since)s::timestamptz is null or created_at >= %(since)s)
    and (%(until)s::timestamptz is null or created_at < %(until)s)
    and (%(worker_name)s::text is null or worker_name = %(worker_name)s)
    and (%(run_ref)s::text is null or run_ref = %(run_ref)s)
order by attempt_id;

-- name: events
select
    emitted_xid::text::bigint as emitted_xid, event_seq, created_at, event_id::text, event_type, event_domain,
    event_subject_ref::text, event_stream, delivery_lane, canonical_address, event_subject_table, actor_ref,
    payload_classification, safe_payload::text
from public.event_outbox
where
    (%(since)s::timestamptz is null or created_at >= %(since)s)
    and (%(until)s::timestamptz is null or created_at < %(until)s)
order by event_seq;

-- name: batches
select
    batch_id, worker_name, event_domain, run_ref, started_at, finished_at, seen, attempts_written, dry_run,
    skipped, failed, dead_lettered, first_event_seq, last_event_seq
from public.iu_route_batch
where
    (%(since)s::timestamptz is null or started_at >= %(since)s)
    and (%(until)s::timestamptz is null or started_at < %(until)s)
    and (%(worker_name)s::text is null or worker_name = %(worker_name)s)
    and (%(run_ref)s::text is null or run_ref = %(run_ref)s)
order by batch_id;

-- name: dead_letters
select
    dead_letter_id::text, event_id::text, worker_name, route_code, idempotency_key, event_snapshot::text,
    failure_code, failure_detail, attempts, resolution, resolved_at, resolved_by, resolution_reason,
    next_replay_at, created_at
from public.iu_route_dead_letter
where
    (%(since)s::timestamptz is null or created_at >= %(since)s)
    and (%(until)s::timestamptz is null or created_at < %(until)s)
    and (%(worker_name)s::text is null or worker_name = %(worker_name)s)
order by created_at, dead_letter_id;

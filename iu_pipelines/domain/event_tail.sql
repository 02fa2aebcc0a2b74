-- The SQL of event_tail.py. An idle poll is the statement poll; with attempts also batches_after, snapshot
-- and replays_after. Each has a bounded cost, whatever the size of the outbox and of the audit.

-- name: position
select
    pg_current_snapshot()::text as snapshot,
    (
        select c.anchor_key from public.event_outbox_cluster as c
        order by c.anchor_no desc
        limit 1
    ) as anchor_key,
    pg_is_in_recovery() as is_standby;

-- name: snapshot
select pg_current_snapshot()::text as snapshot;

-- name: own_xid
select pg_current_xact_id()::text::bigint as own_xid;

-- name: poll
-- At least one row; its event_id is null if there is no new event.
select
    p.snapshot::text as snapshot,
    p.anchor_key,
    e.emitted_xid::text::bigint as emitted_xid, e.event_seq, e.created_at, e.event_id, e.event_type,
    e.event_domain, e.event_subject_ref, e.event_stream, e.delivery_lane, e.canonical_address,
    e.event_subject_table, e.actor_ref, e.payload_classification, e.safe_payload
from (
    select
        coalesce(%(until_snapshot)s::pg_snapshot, pg_current_snapshot()) as snapshot,
        (
            select c.anchor_key from public.event_outbox_cluster as c
            order by c.anchor_no desc
            limit 1
        ) as anchor_key
) as p
left join
    lateral public.fn_iu_events_between(
        %(after_snapshot)s::pg_snapshot, p.snapshot, %(event_domain)s, %(after_xid)s::text::xid8,
        %(after_seq)s, %(max_rows)s
    ) as e
    on true
order by e.emitted_xid, e.event_seq;

-- name: newest_batches
select
    c.worker_name,
    (
        select b.batch_id from public.iu_route_batch as b
        where b.worker_name = c.worker_name
        order by b.batch_id desc
        limit 1
    ) as batch_id
from public.iu_route_worker_cursor as c
where c.cursor_kind = 'audit';

-- name: batches_after
select
    batch_id, worker_name, event_domain, run_ref, started_at, finished_at, seen, attempts_written, dry_run,
    skipped, failed, dead_lettered, first_event_seq, last_event_seq
from public.fn_iu_batches_after(%(after)s, %(max_rows)s)
order by batch_id;

-- name: newest_replays
select replay.attempt_id
from public.fn_iu_replays_newest(%(max_rows)s) as replay (attempt_id);

-- name: replays_after
select
    attempt_id, batch_id, worker_name, event_id, route_code, idempotency_key, attempt_no, status,
    decision, delivered, target_kind, target_ref, error_code, error_detail, created_at, run_ref
from public.fn_iu_replays_after(%(floor)s, %(known)s::bigint[], %(max_rows)s)
order by attempt_id;

-- name: chosen_events
select event_id
from public.event_outbox
where
    event_id = any(%(event_ids)s::uuid[])
    and (%(event_type)s::text is null or event_type = %(event_type)s)
    and (%(event_domain)s::text is null or event_domain = %(event_domain)s);

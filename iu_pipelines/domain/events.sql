-- The SQL of events.py. Every statement has a bounded cost, whatever the size of the outbox and of the audit.

-- name: event
select
    emitted_xid::text::bigint as emitted_xid, event_seq, created_at, event_id, event_type, event_domain,
    event_subject_ref, event_stream, delivery_lane, canonical_address, event_subject_table, actor_ref,
    payload_classification, safe_payload
from public.event_outbox
where event_id = %(event_id)s;

-- name: reading
select public.fn_iu_event_reading(%(event_id)s, %(worker_name)s) as answer;

-- name: has_reader
select count(*) > 0 as has_reader
from public.iu_route_worker_cursor
where event_domain = %(event_domain)s and retired_at is null;

-- name: event_type
select
    event_type, event_domain, event_stream, delivery_lane, payload_classification, event_subject_table,
    payload_keys, enabled
from public.event_type_registry
where event_type = %(event_type)s;

-- name: routes
select
    route_code, event_type, enabled, dry_run, target_kind, target_ref
from public.iu_outbound_route
where event_type = %(event_type)s
order by route_code;

-- name: letters
select
    dead_letter_id, event_id, worker_name, route_code, idempotency_key, event_snapshot, failure_code,
    failure_detail, attempts, resolution, resolved_at, resolved_by, resolution_reason,
    next_replay_at, created_at
from public.iu_route_dead_letter
where event_id = %(event_id)s
order by created_at, dead_letter_id;

-- name: newest_rounds
select
    newest.event_domain, newest.newest_at, newest.dropped_at
from (select distinct event_domain from public.iu_route_worker_cursor) as read
cross join
    lateral (
        select
            h.event_domain, h.newest_at, h.dropped_at
        from public.iu_retention_history as h
        where h.event_domain = read.event_domain
        order by h.to_seq desc
        limit 1
    ) as newest
order by newest.event_domain;

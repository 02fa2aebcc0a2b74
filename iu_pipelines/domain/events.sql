-- The SQL of events.py. Every statement has a bounded cost, whatever the size of the outbox and of the audit.

-- name: event
select
    emitted_xid::text::bigint as emitted_xid, event_seq, created_at, event_id, event_type, event_domain,
    event_subject_ref, event_stream, delivery_lane, canonical_address, event_subject_table, actor_ref,
    payload_classification, safe_payload
from public.event_outbox
where event_id = %(event_id)s;

-- name: newest
-- At least one row; its event_id is null if no event matches.
with read as materialized (
    select *
    from public.fn_iu_events_newest(%(domain)s, %(before)s::bigint, %(window)s)
),

matching as (
    select *
    from read
    where
        (%(event_type)s::text is null or event_type = %(event_type)s)
        and (%(subject)s::uuid is null or event_subject_ref = %(subject)s)
        and (%(since)s::timestamptz is null or created_at >= %(since)s)
        and (%(address)s::text is null or canonical_address = %(address)s)
    order by event_seq desc
    limit %(max_rows)s
)

select
    w.events_read,
    w.oldest_seq,
    w.oldest_at,
    m.emitted_xid::text::bigint as emitted_xid, m.event_seq, m.created_at, m.event_id, m.event_type,
    m.event_domain, m.event_subject_ref, m.event_stream, m.delivery_lane, m.canonical_address,
    m.event_subject_table, m.actor_ref, m.payload_classification, m.safe_payload
from (
    select
        count(*) as events_read,
        min(event_seq) as oldest_seq,
        min(created_at) as oldest_at
    from read
) as w
left join matching as m on true
order by m.event_seq desc;

-- name: reading
select public.fn_iu_event_reading(%(event_id)s, %(worker_name)s) as answer;

-- name: has_reader
select count(*) > 0 as has_reader
from public.iu_route_worker_cursor
where event_domain = %(event_domain)s and retired_at is null and cursor_kind = 'audit';

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

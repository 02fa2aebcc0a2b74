-- The SQL of testing.py.

-- name: emitted_events
select
    event_type,
    canonical_address,
    event_subject_ref,
    actor_ref,
    safe_payload::text as safe_payload
from public.event_outbox
where emitted_xid = pg_current_xact_id_if_assigned()
order by event_seq;

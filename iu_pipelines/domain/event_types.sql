-- The SQL of event_types.py.

-- name: list_types
select
    event_type, event_domain, event_stream, delivery_lane, payload_classification, event_subject_table,
    payload_keys, enabled
from public.event_type_registry
order by event_type;

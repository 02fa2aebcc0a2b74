-- The SQL of event_origins.py.

-- name: capture
select
    capture_id, route_code, source_table, source_op, source_ref, source_key, captured_at
from public.fn_iu_event_capture(%(event_id)s);

-- name: version
select
    unit_id, version_seq, version_ref, actor_ref, created_at
from public.unit_version
where
    unit_id = %(unit_id)s
    and version_seq = %(version_seq)s
    and version_ref = %(version_ref)s::text;

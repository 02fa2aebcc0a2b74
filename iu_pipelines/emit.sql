-- The SQL of emit.py.

-- name: emit
select
    public.fn_iu_emit_event(
        cast(%(event_type)s as text), cast(%(canonical_address)s as text), cast(%(subject_ref)s as uuid),
        cast(%(actor_ref)s as text), cast(%(safe_payload)s as jsonb)
    ) as event_id;

-- name: emit_many
select emitted.event_id
from public.fn_iu_emit_events(cast(%(events)s as jsonb)) as emitted (event_id);

select keep('event', emit('structure_piece_split', '{"child_count": 2}')::text);
select same(
    (
        select to_jsonb(o) - 'event_seq' - 'emitted_xid' - 'created_at' - 'event_id'
        from event_outbox as o where event_id = kept('event')::uuid
    ),
    '{"event_domain": "iu", "event_type": "structure_piece_split", "event_stream": "update",
      "delivery_lane": "immediate", "canonical_address": "TEST/unit",
      "event_subject_table": "information_unit", "actor_ref": "tester",
      "event_subject_ref": "00000000-0000-4000-8000-000000000001",
      "payload_classification": "safe_metadata", "safe_payload": {"child_count": 2}}'::jsonb
);

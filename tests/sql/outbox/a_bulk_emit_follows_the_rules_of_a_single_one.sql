select keep('ids', (
    select string_agg(id::text, ',' order by place) from fn_iu_emit_events('[
        {"event_type": "version_applied", "canonical_address": "A",
         "subject_ref": "00000000-0000-4000-8000-000000000001", "actor_ref": "x", "safe_payload": {"n": 1}},
        {"event_type": "structure_piece_split", "canonical_address": "B",
         "subject_ref": "00000000-0000-4000-8000-000000000002", "actor_ref": "y", "safe_payload": {}}
    ]') with ordinality as e (id, place)
));
select same(
    (
        select jsonb_agg(
            jsonb_build_array(canonical_address, event_type, event_stream, safe_payload) order by event_seq
        )
        from event_outbox where event_id = any (string_to_array(kept('ids'), ',')::uuid [])
    ),
    '[["A", "version_applied", "update", {"n": 1}], ["B", "structure_piece_split", "update", {}]]'::jsonb
);

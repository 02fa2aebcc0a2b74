select keep('letter', letter()::text);
select same(
    (
        select to_jsonb(l) - array[
            'dead_letter_id', 'event_id', 'event_snapshot', 'next_replay_at', 'created_at', 'failure_detail',
            'idempotency_key'
        ]
        from iu_route_dead_letter as l
    ),
    '{"worker_name": "tester", "route_code": "iu.version_applied.workflow",
      "failure_code": "worker_process_error", "attempts": 1,
      "resolution": null, "resolved_at": null, "resolved_by": null, "resolution_reason": null}'::jsonb
);
select holds(
    (select failure_detail like 'IU201 %' from iu_route_dead_letter), 'the SQLSTATE and message are kept'
);
select same(
    (select string_agg(k, ' ' order by k) from iu_route_dead_letter, jsonb_object_keys(event_snapshot) as k),
    'actor_ref canonical_address created_at delivery_lane event_domain event_id event_seq event_stream '
    'event_subject_ref event_subject_table event_type payload_classification safe_payload'
);
select same(
    (select idempotency_key from iu_route_dead_letter), (select idempotency_key from iu_route_attempt)
);

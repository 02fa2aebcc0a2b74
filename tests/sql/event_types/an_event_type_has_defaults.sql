insert into event_type_registry (event_type, event_stream, delivery_lane) values
('test.typed', 'update', 'immediate');
select same(
    (
        select to_jsonb(r) - 'event_type' - 'event_stream' - 'delivery_lane'
        from event_type_registry as r where event_type = 'test.typed'
    ),
    '{"event_domain": "iu", "payload_classification": "safe_metadata",
      "event_subject_table": "information_unit", "payload_keys": null, "enabled": true}'::jsonb
);

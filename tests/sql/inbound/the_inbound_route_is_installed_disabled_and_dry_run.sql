select same(
    (select to_jsonb(r) - 'capture_no' from iu_inbound_route as r),
    '{"route_code": "iu_sql.iu_sql_link.insert", "source_table": "iu_sql_link", "source_op": "insert", '
    '"target_event_type": "sql_link_created", "enabled": false, "dry_run": true, "condition": {}, '
    '"subject_table": null, "subject_columns": null, "address_template": null, "payload_map": {}, '
    '"on_error": "refuse"}'
);

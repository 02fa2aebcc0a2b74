select same(
    (select to_jsonb(r) from iu_inbound_route as r),
    '{"route_code": "iu_sql.iu_sql_link.insert", "source_table": "iu_sql_link", "source_op": "insert", '
    '"target_event_type": "sql_link_created", "enabled": false, "dry_run": true}'
);

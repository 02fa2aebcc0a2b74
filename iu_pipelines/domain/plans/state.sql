-- The SQL of state.py.

-- name: list_captures
select
    route_code, source_table, source_op, condition, target_event_type, subject_table, subject_columns,
    address_template, payload_map, on_error, enabled, dry_run, attachment, table_owner, may_attach,
    attach_statements, detach_statements
from public.fn_iu_capture_list();

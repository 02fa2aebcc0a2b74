-- The SQL of state.py.

-- name: list_captures
select
    l.route_code, l.source_table, l.source_op, l.condition, l.target_event_type, l.subject_table,
    l.subject_columns, l.address_template, l.payload_map, l.on_error, l.enabled, l.dry_run, l.attachment,
    l.table_owner, l.may_attach, l.attach_statements, l.detach_statements, f.function_name,
    coalesce(f.missing_columns, '{}') as missing_columns, f.misfit
from public.fn_iu_capture_list() as l
left join public.fn_iu_capture_functions() as f on l.route_code = f.route_code
order by l.route_code;

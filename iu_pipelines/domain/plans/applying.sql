-- The SQL of applying.py.

-- name: set_lock_timeout
select set_config('lock_timeout', %(milliseconds)s, true);

-- name: lock_configuration
lock table public.event_type_registry, public.iu_outbound_route, public.iu_inbound_route
in share row exclusive mode;

-- name: add_capture
insert into public.iu_inbound_route (
    route_code, source_table, source_op, condition, target_event_type, subject_table, subject_columns,
    address_template, payload_map, on_error, enabled, dry_run
)
values (
    %(route_code)s, %(source_table)s, %(source_op)s, %(condition)s, %(target_event_type)s, %(subject_table)s,
    %(subject_columns)s::text[], %(address_template)s, %(payload_map)s, %(on_error)s, %(enabled)s,
    %(dry_run)s
);

-- name: change_capture
update public.iu_inbound_route
set
    source_table = %(source_table)s,
    source_op = %(source_op)s,
    condition = %(condition)s,
    target_event_type = %(target_event_type)s,
    subject_table = %(subject_table)s,
    subject_columns = %(subject_columns)s::text[],
    address_template = %(address_template)s,
    payload_map = %(payload_map)s,
    on_error = %(on_error)s,
    enabled = %(enabled)s,
    dry_run = %(dry_run)s
where route_code = %(route_code)s;

-- name: remove_capture
delete from public.iu_inbound_route
where route_code = %(route_code)s;

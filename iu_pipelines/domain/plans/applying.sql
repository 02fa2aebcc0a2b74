-- The SQL of applying.py.

-- name: set_lock_timeout
select set_config('lock_timeout', %(milliseconds)s, true);

-- name: lock_configuration
lock table public.event_type_registry, public.iu_outbound_route, public.iu_inbound_route
in share row exclusive mode;

-- name: lock_targets
lock table public.iu_delivery_target, public.iu_delivery_target_sender
in share row exclusive mode;

-- name: add_target
insert into public.iu_delivery_target (
    target_name, kind, address, secret_name, timeout_seconds, lease_seconds, max_per_minute, retry_seconds,
    max_in_doubt, on_dead_letter, at_most_once, after_failover, options, enabled
)
values (
    %(target_name)s, %(kind)s, %(address)s, %(secret_name)s, %(timeout_seconds)s, %(lease_seconds)s,
    %(max_per_minute)s, %(retry_seconds)s::int[], %(max_in_doubt)s, %(on_dead_letter)s, %(at_most_once)s,
    %(after_failover)s, %(options)s, %(enabled)s
);

-- name: change_target
update public.iu_delivery_target
set
    kind = %(kind)s,
    address = %(address)s,
    secret_name = %(secret_name)s,
    timeout_seconds = %(timeout_seconds)s,
    lease_seconds = %(lease_seconds)s,
    max_per_minute = %(max_per_minute)s,
    retry_seconds = %(retry_seconds)s::int[],
    max_in_doubt = %(max_in_doubt)s,
    on_dead_letter = %(on_dead_letter)s,
    at_most_once = %(at_most_once)s,
    after_failover = %(after_failover)s,
    options = %(options)s,
    enabled = %(enabled)s
where target_name = %(target_name)s;

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

-- The SQL of inbound.py.

-- name: list_routes
select
    route_code, source_table, source_op, target_event_type, enabled, dry_run
from public.iu_inbound_route
order by route_code;

-- name: set_enabled
update public.iu_inbound_route
set enabled = %(enabled)s, dry_run = coalesce(not %(emits)s, dry_run)
where route_code = %(route_code)s
returning route_code, source_table, source_op, target_event_type, enabled, dry_run;

-- name: captures
select
    route_code, source_table, source_op, source_ref, decision, event_id, captured_at
from public.iu_inbound_capture
order by capture_id desc
limit %(max_rows)s;

-- name: rows_inserted
select pg_catalog.pg_stat_get_tuples_inserted(%(table_name)s::regclass) as rows_inserted;

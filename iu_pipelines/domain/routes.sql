-- The SQL of routes.py.

-- name: list_routes
select
    route_code, event_type, enabled, dry_run, target_kind, target_ref
from public.iu_outbound_route
order by route_code;

-- name: set_enabled
update public.iu_outbound_route
set enabled = %(enabled)s
where route_code = %(route_code)s
returning route_code, event_type, enabled, dry_run, target_kind, target_ref;

-- name: add
insert into public.iu_outbound_route (route_code, event_type, enabled, dry_run, target_kind, target_ref)
values (%(route_code)s, %(event_type)s, %(enabled)s, true, %(target_kind)s, %(target_ref)s)
on conflict (route_code) do nothing
returning route_code, event_type, enabled, dry_run, target_kind, target_ref;

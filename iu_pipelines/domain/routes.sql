-- The SQL of routes.py.

-- name: list_routes
select
    route_code, event_type, enabled, dry_run, target_kind, target_ref
from public.iu_outbound_route
order by route_code;

-- name: get
select
    route_code, event_type, enabled, dry_run, target_kind, target_ref
from public.iu_outbound_route
where route_code = %(route_code)s;

-- name: names
-- A route that was removed is known: its attempts remain.
select
    array(
        select r.route_code from public.iu_outbound_route as r
        order by r.route_code
    ) as names,
    exists (
        select from public.iu_outbound_route as r
        where r.route_code = given.route_code
    )
    or exists (
        select from public.iu_outbound_route_version as v
        where v.route_code = given.route_code
    ) as is_known
from (select %(route_code)s::text as route_code) as given;

-- name: set_enabled
-- An update without a change would make a new version of the route, and so end its promotion.
update public.iu_outbound_route
set enabled = %(enabled)s
where route_code = %(route_code)s and enabled <> %(enabled)s
returning route_code, event_type, enabled, dry_run, target_kind, target_ref;

-- name: add
insert into public.iu_outbound_route (route_code, event_type, enabled, dry_run, target_kind, target_ref)
values (%(route_code)s, %(event_type)s, %(enabled)s, true, %(target_kind)s, %(target_ref)s)
on conflict (route_code) do nothing
returning route_code, event_type, enabled, dry_run, target_kind, target_ref;

-- name: change
update public.iu_outbound_route
set
    event_type = %(event_type)s,
    enabled = %(enabled)s,
    target_kind = %(target_kind)s,
    target_ref = %(target_ref)s
where
    route_code = %(route_code)s
    and (event_type, enabled, target_kind, target_ref)
    is distinct from (
        %(event_type)s::text, %(enabled)s::boolean, %(target_kind)s::text, %(target_ref)s::text
    )
returning route_code, event_type, enabled, dry_run, target_kind, target_ref;

-- name: remove
delete from public.iu_outbound_route
where route_code = %(route_code)s
returning route_code, event_type, enabled, dry_run, target_kind, target_ref;

-- name: open_letters
select count(*) as letters
from public.iu_route_dead_letter
where route_code = %(route_code)s and resolution is null;

-- name: uses
select
    public.fn_iu_event_type_waiting(%(event_type)s, %(cap)s) as waiting,
    count(*) as open_letters
from public.iu_route_dead_letter
where route_code = %(route_code)s and resolution is null;

-- name: target_kinds
select
    kind, module, description, module is null or exists (
        select from public.iu_schema_step as s
        where s.module = known.module
    ) as installed
from public.fn_iu_target_kinds() as known
order by module nulls first, kind;

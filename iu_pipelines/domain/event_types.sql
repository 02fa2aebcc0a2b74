-- The SQL of event_types.py.

-- name: list_types
select
    event_type, event_domain, event_stream, delivery_lane, payload_classification, event_subject_table,
    payload_keys, enabled
from public.event_type_registry
order by event_type;

-- name: get
select
    event_type, event_domain, event_stream, delivery_lane, payload_classification, event_subject_table,
    payload_keys, enabled
from public.event_type_registry
where event_type = %(event_type)s;

-- name: names
-- A type that was removed is known while the newest events have it.
select
    array(
        select t.event_type from public.event_type_registry as t
        order by t.event_type
    ) as names,
    exists (
        select from public.event_type_registry as t
        where t.event_type = given.event_type
    )
    or exists (
        select from public.fn_iu_events_newest(null, null, %(window)s) as e
        where e.event_type = given.event_type
    ) as is_known
from (select %(event_type)s::text as event_type) as given;

-- name: domains
select
    array(
        select t.event_domain from public.event_type_registry as t
        union
        select w.event_domain from public.iu_route_worker_cursor as w
        order by event_domain
    ) as names,
    exists (
        select from public.event_type_registry as t
        where t.event_domain = given.domain
    )
    or exists (
        select from public.iu_route_worker_cursor as w
        where w.event_domain = given.domain
    )
    or exists (select from public.fn_iu_events_newest(given.domain, null, 1)) as is_known
from (select %(domain)s::text as domain) as given;

-- name: add
insert into public.event_type_registry (
    event_type, event_domain, event_stream, delivery_lane, payload_classification, event_subject_table,
    payload_keys, enabled
)
values (
    %(event_type)s, %(event_domain)s, %(event_stream)s, %(delivery_lane)s, %(payload_classification)s,
    %(event_subject_table)s, %(payload_keys)s::text[], %(enabled)s
)
on conflict (event_type) do nothing
returning
    event_type, event_domain, event_stream, delivery_lane, payload_classification, event_subject_table,
    payload_keys, enabled;

-- name: change
update public.event_type_registry
set
    event_domain = %(event_domain)s,
    event_stream = %(event_stream)s,
    delivery_lane = %(delivery_lane)s,
    payload_classification = %(payload_classification)s,
    event_subject_table = %(event_subject_table)s,
    payload_keys = %(payload_keys)s::text[],
    enabled = %(enabled)s
where event_type = %(event_type)s
returning
    event_type, event_domain, event_stream, delivery_lane, payload_classification, event_subject_table,
    payload_keys, enabled;

-- name: remove
delete from public.event_type_registry
where event_type = %(event_type)s
returning
    event_type, event_domain, event_stream, delivery_lane, payload_classification, event_subject_table,
    payload_keys, enabled;

-- name: set_enabled
update public.event_type_registry
set enabled = %(enabled)s
where event_type = %(event_type)s
returning
    event_type, event_domain, event_stream, delivery_lane, payload_classification, event_subject_table,
    payload_keys, enabled;

-- name: uses
select
    array(
        select r.route_code from public.iu_outbound_route as r
        where r.event_type = given.event_type
        order by r.route_code
    ) as routes,
    array(
        select r.route_code from public.iu_outbound_route as r
        where r.event_type = given.event_type and r.enabled
        order by r.route_code
    ) as enabled_routes,
    array(
        select c.route_code from public.iu_inbound_route as c
        where c.target_event_type = given.event_type
        order by c.route_code
    ) as captures,
    array(
        select c.route_code from public.iu_inbound_route as c
        where c.target_event_type = given.event_type and c.enabled and not c.dry_run and c.on_error = 'refuse'
        order by c.route_code
    ) as refusing_captures,
    public.fn_iu_event_type_waiting(given.event_type, %(cap)s) as waiting,
    exists(
        select from public.event_type_registry as t
        inner join public.iu_route_worker_cursor as w on t.event_domain = w.event_domain
        where t.event_type = given.event_type and w.retired_at is null and w.cursor_kind = 'audit'
    ) as domain_is_read
from (select %(event_type)s::text as event_type) as given;

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
        where t.event_type = given.event_type and w.retired_at is null
    ) as domain_is_read
from (select %(event_type)s::text as event_type) as given;

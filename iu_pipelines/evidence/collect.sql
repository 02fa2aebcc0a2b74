-- The SQL of collect.py.

-- name: now
select clock_timestamp() as now;

-- name: events
select count(*) as events
from public.event_outbox;

-- name: letters_by_state
select
    coalesce(resolution, 'open') as name,
    count(*) as count
from public.iu_route_dead_letter
group by name
order by count desc, name asc;

-- name: open_letters_by_failure
select
    failure_code as name,
    count(*) as count
from public.iu_route_dead_letter
where resolution is null
group by name
order by count desc, name asc;

-- name: captures_by_decision
select
    decision as name,
    count(*) as count
from public.iu_inbound_capture
group by name
order by count desc, name asc;

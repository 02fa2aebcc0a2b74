-- The SQL of route_rules.py.

-- name: versions
with asked as (
    select route_code
    from unnest(%(route_codes)s::text[]) as given (route_code)
)

select
    v.route_version, v.route_code, v.event_type, v.enabled, v.dry_run, v.target_kind, v.target_ref,
    v.recorded_at, v.recorded_by
from asked
cross join
    lateral (
        select
            h.route_version, h.route_code, h.event_type, h.enabled, h.dry_run, h.target_kind, h.target_ref,
            h.recorded_at, h.recorded_by
        from public.iu_outbound_route_version as h
        where h.route_code = asked.route_code
        order by h.route_version desc
        limit 1000
    ) as v
order by v.route_version desc;

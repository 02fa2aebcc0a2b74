-- The SQL of health.py.

-- name: read
select public.fn_iu_route_worker_health(%(worker_name)s) as answer;

-- name: unread_domains
select
    event_domain, event_types, unread_events, unread_events_capped
from public.fn_iu_unread_domains();

-- name: sent_tally
select modules, sent, unpromoted from public.fn_iu_sent_tally();

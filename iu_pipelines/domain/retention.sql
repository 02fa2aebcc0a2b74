-- The SQL of retention.py.

-- name: run
select public.fn_iu_retention_run(%(reason)s, %(round_events)s) as answer;

-- name: states
select public.fn_iu_retention_state(read.event_domain) as answer
from (select distinct event_domain from public.iu_route_worker_cursor) as read
order by read.event_domain;

-- name: history
select
    retention_no, event_domain, from_seq, to_seq, events, attempts, newest_at,
    encode(events_hash, 'hex') as events_hash,
    retention_days, reason, dropped_at, dropped_by
from public.iu_retention_history
order by retention_no desc
limit %(max_rows)s;

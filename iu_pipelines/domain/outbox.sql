-- The SQL of outbox.py.

-- name: counts_by_type
select
    %(event_domain)s::text as event_domain,
    event_type,
    count(*) as events,
    max(created_at) as newest_at
from (
    select
        event_type,
        created_at
    from public.event_outbox
    where event_domain = %(event_domain)s
    order by event_seq desc
    limit %(newest)s
) as newest
group by event_type
order by events desc, event_type asc;

-- name: newest
select event_id
from public.event_outbox
where event_domain = %(event_domain)s
order by event_seq desc
limit 1;

-- name: recent_events
select count(*) filter (where created_at > now() - make_interval(secs => %(seconds)s)) as events
from (
    select created_at
    from public.event_outbox
    where event_domain = %(event_domain)s
    order by event_seq desc
    limit %(newest)s
) as newest;

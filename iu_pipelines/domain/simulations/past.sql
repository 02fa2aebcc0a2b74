-- The SQL of past.py, in a read-only transaction. By the planner settings each chunk is a backward scan of a
-- range of event_outbox_pkey, with a probe of the primary key of the attempts for each worker (decision 060).
-- array_position: with = any(), the planner may choose the index of the domain and sort (decision 060).

-- name: prepare
select
    now() as server_time, set_config('jit', 'off', true) as jit,
    set_config('row_security', 'off', true) as row_security,
    set_config('enable_seqscan', 'off', true) as enable_seqscan,
    set_config('enable_bitmapscan', 'off', true) as enable_bitmapscan;

-- name: chunk
with reader as materialized (
    select
        given.worker_name, given.event_domain, known.name_no
    from unnest(%(names)s::text[], %(domains)s::text[]) as given (worker_name, event_domain)
    left join public.iu_audit_name as known on given.worker_name = known.name
),

event as materialized (
    select
        o.event_id, o.event_type, o.event_domain
    from public.event_outbox as o
    where
        o.event_id >= %(first_id)s and o.event_id < %(before_id)s
        and o.created_at >= %(since)s and (%(until)s::timestamptz is null or o.created_at < %(until)s)
        and (
            %(only_domains)s::text[] is null
            or array_position(%(only_domains)s::text[], o.event_domain) is not null
        )
    order by o.event_id desc
    limit %(events)s
),

decided as (
    select
        reader.worker_name, event.event_domain, event.event_type, event.event_id,
        (
            select array_agg(a.route_no || ':' || a.decision order by a.route_no)
            from public.iu_route_attempt_log as a
            where
                a.event_id = event.event_id and a.worker_no = reader.name_no
                and a.attempt_no = 1
        ) as decided
    from event
    left join reader on event.event_domain = reader.event_domain
)

select
    d.worker_name, d.event_domain, d.event_type, d.decided, count(*) as events,
    (array_agg(d.event_id order by d.event_id desc))[1:%(examples)s] as examples,
    (array_agg(d.event_id order by d.event_id))[1] as oldest
from decided as d
group by d.worker_name, d.event_domain, d.event_type, d.decided;

-- name: names
select
    name_no, name
from public.iu_audit_name
where name_no = any(%(numbers)s::int[]);

-- name: dropped
select
    given.event_domain,
    (
        select h.newest_at
        from public.iu_retention_history as h
        where h.event_domain = given.event_domain
        order by h.to_seq desc
        limit 1
    ) as newest_at
from unnest(%(domains)s::text[]) as given (event_domain);

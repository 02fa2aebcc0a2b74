-- The SQL of metrics.py.

-- name: limit
-- A read-only transaction can neither write nor lock a row.
select
    set_config('transaction_read_only', 'on', true) as read_only,
    set_config('statement_timeout', %(timeout)s, true) as statement_timeout,
    set_config('jit', 'off', true) as jit,
    set_config('enable_seqscan', 'off', true) as enable_seqscan;

-- name: workers
select
    c.worker_name,
    c.event_domain,
    coalesce(t.attempts, 0) as attempts,
    coalesce(t.failed, 0) as failed,
    coalesce(t.sent, 0) as sent,
    public.fn_iu_route_worker_health(c.worker_name) as health
from public.iu_route_worker_cursor as c
left join public.iu_route_attempt_tally as t on c.worker_name = t.tally_key
where c.retired_at is null
order by c.worker_name;

-- name: totals
-- One index probe for each domain. The tally of replays is in rows whose key is no worker name.
select
    (
        select max(newest.event_seq)
        from (
            select r.event_domain from public.event_type_registry as r
            union
            select c.event_domain from public.iu_route_worker_cursor as c
        ) as known
        cross join lateral (
            select o.event_seq from public.event_outbox as o
            where o.event_domain = known.event_domain
            order by o.event_seq desc
            limit 1
        ) as newest
    ) as emitted,
    coalesce(sum(t.attempts), 0)::bigint as replays,
    coalesce(sum(t.failed), 0)::bigint as replays_failed,
    coalesce(sum(t.sent), 0)::bigint as replays_sent
from public.iu_route_attempt_tally as t
where starts_with(t.tally_key, 'replay/');

-- name: letters
-- The index of open letters yields at most `most` rows.
select
    counted.failure_code,
    coalesce(counted.route_code, '') as route_code,
    count(*) as letters
from (
    select
        l.failure_code,
        l.route_code
    from public.iu_route_dead_letter as l
    where l.resolution is null
    order by l.next_replay_at, l.dead_letter_id
    limit %(most)s
) as counted
group by counted.failure_code, counted.route_code
order by counted.failure_code, counted.route_code;

-- name: routes
select
    target_kind,
    enabled,
    count(*) as routes
from public.iu_outbound_route
group by target_kind, enabled
order by target_kind, enabled;

-- name: captures
select
    route_code,
    attachment in ('attached', 'built in') as attached
from public.fn_iu_capture_list()
where enabled
order by route_code;

-- name: retention
select public.fn_iu_retention_state(c.event_domain) as answer
from public.iu_route_worker_cursor as c
where c.retired_at is null
group by c.event_domain
order by c.event_domain;

-- name: server_version
select current_setting('server_version_num')::integer as server_version;

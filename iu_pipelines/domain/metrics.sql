-- The SQL of metrics.py.

-- name: limit
select
    set_config('statement_timeout', %(timeout)s, true) as statement_timeout,
    set_config('lock_timeout', %(lock_timeout)s, true) as lock_timeout,
    set_config('jit', 'off', true) as jit,
    set_config('enable_seqscan', 'off', true) as enable_seqscan;

-- name: tallies
select
    tally_key as worker_name,
    attempts,
    failed,
    sent
from public.iu_route_attempt_tally
where not starts_with(tally_key, 'replay/')
order by tally_key;

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

-- name: captures
select
    route_code,
    attachment in ('attached', 'built in') as attached
from public.fn_iu_capture_list()
where enabled
order by route_code;

-- name: delivery_targets
select t.target_name as target, t.enabled, s.paused, s.failover_hold, s.failures
from public.iu_delivery_target as t
inner join public.iu_delivery_target_state as s on t.target_no = s.target_no
order by t.target_name;

-- name: live_routes
select
    w.route_code, w.target, r.sent, r.outcomes, r.failed_outcomes, r.expires_at,
    coalesce(r.held_reason = 'demoted', false) as is_demoted, w.refusal as held_reason,
    greatest(0, coalesce(extract(epoch from now() - w.next_due_at), 0))::double precision as due_seconds,
    greatest(
        0, coalesce(extract(epoch from now() - w.unread_since), 0)
    )::double precision as unread_seconds
from public.fn_iu_delivery_waiting() as w
inner join public.iu_delivery_route as r on w.route_code = r.route_code
order by w.route_code;

-- The SQL of dead_letters.py.

-- name: list_letters
-- Two conditions filter the resolution, so that the partial index of open letters can be used.
select
    dead_letter_id, event_id, worker_name, route_code, idempotency_key, event_snapshot, failure_code,
    failure_detail, attempts, resolution, resolved_at, resolved_by, resolution_reason,
    next_replay_at, created_at
from public.iu_route_dead_letter
where
    (%(resolution)s::text is distinct from 'open' or resolution is null)
    and (%(resolution)s::text is null or %(resolution)s::text = 'open' or resolution = %(resolution)s)
    and (%(worker_name)s::text is null or worker_name = %(worker_name)s)
    and (%(route_code)s::text is null or route_code = %(route_code)s)
    and (%(failure_code)s::text is null or failure_code = %(failure_code)s)
    and (%(older_than)s::interval is null or created_at < now() - %(older_than)s::interval)
    and (%(max_attempts)s::integer is null or attempts < %(max_attempts)s)
    and (not %(due_only)s::boolean or next_replay_at <= now())
order by next_replay_at, dead_letter_id
limit %(max_rows)s;

-- name: list_replayable
select
    dead_letter_id, event_id, worker_name, route_code, idempotency_key, event_snapshot, failure_code,
    failure_detail, attempts, resolution, resolved_at, resolved_by, resolution_reason,
    next_replay_at, created_at
from public.fn_iu_dead_letters_replayable(%(read_rows)s)
where
    (%(route_code)s::text is null or route_code = %(route_code)s)
    and (%(failure_code)s::text is null or failure_code = %(failure_code)s)
    and (%(older_than)s::interval is null or created_at < now() - %(older_than)s::interval)
    and (%(max_attempts)s::integer is null or attempts < %(max_attempts)s)
order by next_replay_at, dead_letter_id
limit %(max_rows)s;

-- name: list_given_up
-- next_replay_at is later than the newest attempt, so it selects a superset, by the index of open letters.
select
    l.dead_letter_id, l.event_id, l.worker_name, l.route_code, l.idempotency_key, l.event_snapshot,
    l.failure_code, l.failure_detail, l.attempts, l.resolution, l.resolved_at, l.resolved_by,
    l.resolution_reason, l.next_replay_at, l.created_at, a.created_at as gave_up_at
from public.iu_route_dead_letter as l
inner join public.iu_route_attempt as a
    on
        l.event_id = a.event_id
        and l.idempotency_key = a.idempotency_key
        and a.attempt_no = %(attempts)s
where
    l.resolution is null
    and l.attempts >= %(attempts)s
    and (%(since)s::timestamptz is null or (l.next_replay_at > %(since)s and a.created_at > %(since)s))
order by a.created_at, l.dead_letter_id
limit %(max_rows)s;

-- name: newest_open
select dead_letter_id
from public.iu_route_dead_letter
where resolution is null
order by created_at desc, dead_letter_id desc
limit 1;

-- name: letter
select
    dead_letter_id, event_id, worker_name, route_code, idempotency_key, event_snapshot, failure_code,
    failure_detail, attempts, resolution, resolved_at, resolved_by, resolution_reason,
    next_replay_at, created_at
from public.iu_route_dead_letter
where dead_letter_id = %(dead_letter_id)s;

-- name: count_open
select count(*) as letters
from public.iu_route_dead_letter
where resolution is null and (%(worker_name)s::text is null or worker_name = %(worker_name)s);

-- name: replay
select public.fn_iu_route_dead_letter_replay(%(dead_letter_id)s, %(run_ref)s) as answer;

-- name: discard
select public.fn_iu_route_dead_letter_discard(%(dead_letter_id)s, %(reason)s) as answer;

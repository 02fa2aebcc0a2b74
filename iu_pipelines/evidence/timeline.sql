-- The SQL of timeline.py. Intervals of every length are aligned to 2000-01-01.

-- name: event_domain
select event_domain
from public.iu_route_worker_cursor
where worker_name = %(worker_name)s;

-- name: span
with counted as (
    select
        min(created_at) as oldest_at,
        max(created_at) as newest_at,
        count(*) as events
    from (
        select created_at
        from public.event_outbox
        where event_domain = %(event_domain)s
        order by event_seq desc
        limit %(counted_events)s
    ) as newest
)

select
    least(
        counted.oldest_at,
        (
            select min(b.finished_at) from public.iu_route_batch as b
            where b.worker_name = %(worker_name)s
        )
    ) as first_at,
    greatest(
        counted.newest_at,
        (
            select max(b.finished_at) from public.iu_route_batch as b
            where b.worker_name = %(worker_name)s
        ),
        (
            select max(l.created_at) from public.iu_route_attempt_log as l
            where
                l.attempt_no > 1
                and l.worker_no = (
                    select n.name_no from public.iu_audit_name as n
                    where n.name = %(worker_name)s
                )
        )
    ) as last_at,
    counted.oldest_at,
    counted.events
from counted;

-- name: moments
with intervals as (
    select starts_at
    from generate_series(
        date_bin(%(length)s, %(first_at)s, timestamptz '2000-01-01 00:00:00+00'), %(last_at)s, %(length)s
    ) as starts_at
),

emitted as (
    select
        date_bin(%(length)s, created_at, timestamptz '2000-01-01 00:00:00+00') as starts_at,
        count(*) as emitted
    from (
        select created_at
        from public.event_outbox
        where event_domain = %(event_domain)s
        order by event_seq desc
        limit %(counted_events)s
    ) as newest
    group by starts_at
),

decided as (
    select
        starts_at,
        sum(dry_run) as dry_run,
        sum(skipped) as skipped,
        sum(failed) as failed,
        sum(sent) as sent,
        sum(consumed) as consumed
    from (
        select
            date_bin(%(length)s, finished_at, timestamptz '2000-01-01 00:00:00+00') as starts_at,
            dry_run,
            skipped,
            failed,
            attempts_written - dry_run - skipped - failed as sent,
            least(seen, attempts_written) as consumed
        from public.iu_route_batch
        where worker_name = %(worker_name)s
        union all
        select
            date_bin(%(length)s, created_at, timestamptz '2000-01-01 00:00:00+00'),
            (decision = 'dry_run')::int,
            (decision = 'skipped')::int,
            (decision = 'failed')::int,
            (decision = 'sent')::int,
            0
        from public.iu_route_attempt_log
        where
            attempt_no > 1
            and worker_no = (
                select n.name_no from public.iu_audit_name as n
                where n.name = %(worker_name)s
            )
    ) as attempt
    group by starts_at
)

select
    intervals.starts_at,
    case when intervals.starts_at >= %(known_from)s then coalesce(emitted.emitted, 0) end::bigint as emitted,
    coalesce(decided.dry_run, 0)::bigint as dry_run,
    coalesce(decided.skipped, 0)::bigint as skipped,
    coalesce(decided.failed, 0)::bigint as failed,
    coalesce(decided.sent, 0)::bigint as sent,
    coalesce(decided.consumed, 0)::bigint as consumed
from intervals
left join emitted on intervals.starts_at = emitted.starts_at
left join decided on intervals.starts_at = decided.starts_at
order by intervals.starts_at;

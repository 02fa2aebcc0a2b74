"""A worker's past in stretches of time: emissions, decisions, and the backlog reckoned back from today's.

Stands on ``iu_route_batch``, ``event_outbox`` and the replays in ``iu_route_attempt``. The cost grows with
the ledger of batches and with COUNTED_EVENTS, not with the outbox.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from iu_pipelines.db.queries import Queries
from iu_pipelines.evidence.facts import Moment, Timeline

COUNTED_EVENTS: Final = 200_000
_STRETCHES: Final = 60
_LENGTHS: Final = (1, 5, 15, 60, 300, 900, 3600, 21_600, 86_400, 604_800, 2_592_000)
_ORIGIN: Final = "timestamptz '2000-01-01 00:00:00+00'"

_SPAN: Final = f"""
    with counted as (
        select min(created_at) as oldest_at, max(created_at) as newest_at, count(*) as events
          from (select created_at
                  from public.event_outbox
                 where event_domain = %(domain)s
                 order by event_seq desc
                 limit {COUNTED_EVENTS}) as newest)
    select least(counted.oldest_at, (select min(finished_at) from public.iu_route_batch
                                      where worker_name = %(worker_name)s)) as first_at,
           greatest(counted.newest_at, (select max(finished_at) from public.iu_route_batch
                                         where worker_name = %(worker_name)s)) as last_at,
           counted.oldest_at, counted.events
      from counted"""

_MOMENTS: Final = f"""
    with stretch as (
        select starts_at
          from generate_series(
              date_bin(%(length)s, %(first_at)s, {_ORIGIN}), %(last_at)s, %(length)s) as starts_at),
    emitted as (
        select date_bin(%(length)s, created_at, {_ORIGIN}) as starts_at, count(*) as emitted
          from (select created_at
                  from public.event_outbox
                 where event_domain = %(domain)s
                 order by event_seq desc
                 limit {COUNTED_EVENTS}) as newest
         group by 1),
    decided as (
        select starts_at, sum(dry_run) as dry_run, sum(skipped) as skipped, sum(failed) as failed,
               sum(sent) as sent, sum(consumed) as consumed
          from (select date_bin(%(length)s, finished_at, {_ORIGIN}) as starts_at, dry_run, skipped, failed,
                       attempts_written - dry_run - skipped - failed as sent,
                       least(seen, attempts_written) as consumed
                  from public.iu_route_batch
                 where worker_name = %(worker_name)s
                union all
                select date_bin(%(length)s, created_at, {_ORIGIN}), (decision = 'dry_run')::int,
                       (decision = 'skipped')::int, (decision = 'failed')::int, (decision = 'sent')::int, 0
                  from public.iu_route_attempt
                 where attempt_no > 1 and worker_name = %(worker_name)s) as attempt
         group by starts_at)
    select stretch.starts_at,
           case when stretch.starts_at >= %(known_from)s
                then coalesce(emitted.emitted, 0) end::bigint as emitted,
           coalesce(decided.dry_run, 0)::bigint as dry_run, coalesce(decided.skipped, 0)::bigint as skipped,
           coalesce(decided.failed, 0)::bigint as failed, coalesce(decided.sent, 0)::bigint as sent,
           coalesce(decided.consumed, 0)::bigint as consumed
      from stretch
      left join emitted using (starts_at)
      left join decided using (starts_at)
     order by stretch.starts_at"""


def read(gateway: Queries, worker_name: str, backlog: int | None) -> Timeline:
    """Return the past of a worker, given its present backlog; None where that is not known exactly.

    A replay counts where it was made. A seek moves the reckoned backlog at once, and it is never below zero.
    """
    domain = gateway.fetch_value(
        "select event_domain from public.iu_route_worker_cursor where worker_name = %s", (worker_name,)
    )
    names = {"worker_name": worker_name, "domain": domain or "iu"}
    span = gateway.fetch_one(_SPAN, names)
    if span is None or span["first_at"] is None:
        return Timeline(worker_name, _LENGTHS[0], ())
    length = _length(span["first_at"], span["last_at"])
    all_counted = span["events"] < COUNTED_EVENTS
    rows = gateway.fetch_all(
        _MOMENTS,
        {
            **names,
            "length": timedelta(seconds=length),
            "first_at": span["first_at"],
            "last_at": span["last_at"],
            "known_from": span["first_at"] - timedelta(seconds=length) if all_counted else span["oldest_at"],
        },
    )
    return Timeline(worker_name, length, _moments(rows, backlog))


def _length(first_at: datetime, last_at: datetime) -> int:
    """Return the shortest round number of seconds that cuts the span into few enough stretches."""
    span = (last_at - first_at).total_seconds()
    return next((length for length in _LENGTHS if span / length < _STRETCHES), _LENGTHS[-1])


def _moments(rows: list[dict[str, Any]], backlog: int | None) -> tuple[Moment, ...]:
    waiting = [backlog]
    for row in reversed(rows[1:]):
        after = waiting[-1]
        if after is None or row["emitted"] is None:
            waiting.append(None)
        else:
            waiting.append(max(0, after - row["emitted"] + row["consumed"]))
    return tuple(
        Moment(
            **{name: row[name] for name in ("starts_at", "emitted", "dry_run", "skipped", "failed", "sent")},
            backlog=left,
        )
        for row, left in zip(rows, reversed(waiting), strict=bool(rows))
    )

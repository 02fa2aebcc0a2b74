"""The history of a worker in intervals: emitted events, decisions, and the backlog.

Reads `iu_route_batch`, `event_outbox` and the replays in `iu_route_attempt_log`. The cost grows with the
worker's batches and replays and with COUNTED_EVENTS, not with the size of the outbox.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from iu_pipelines.db.queries import Queries
from iu_pipelines.db.statements import Statements
from iu_pipelines.evidence.facts import Moment, Timeline

_SQL: Final = Statements(__name__)

COUNTED_EVENTS: Final = 200_000
_INTERVALS: Final = 60
_LENGTHS: Final = (1, 5, 15, 60, 300, 900, 3600, 21_600, 86_400, 604_800, 2_592_000)


def read(gateway: Queries, worker_name: str, backlog: int | None) -> Timeline:
    """Return the history of a worker; `backlog` is the present backlog, None if it is not known exactly.

    Earlier backlogs are computed back from it: minus the events emitted since, plus those consumed since, and
    at least zero. Seeks are ignored. A replay counts in the interval in which it was made.
    """
    domain = gateway.fetch_value(_SQL["event_domain"], {"worker_name": worker_name})
    names = {
        "worker_name": worker_name,
        "event_domain": domain or "iu",
        "counted_events": COUNTED_EVENTS,
    }
    span = gateway.fetch_one(_SQL["span"], names)
    if span is None or span["first_at"] is None:
        return Timeline(worker_name, _LENGTHS[0], ())
    length = _length(span["first_at"], span["last_at"])
    all_counted = span["events"] < COUNTED_EVENTS
    rows = gateway.fetch_all(
        _SQL["moments"],
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
    """Return the shortest length in _LENGTHS that divides the span into fewer than _INTERVALS intervals."""
    span = (last_at - first_at).total_seconds()
    return next((length for length in _LENGTHS if span / length < _INTERVALS), _LENGTHS[-1])


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

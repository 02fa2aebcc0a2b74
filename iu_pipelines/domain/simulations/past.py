"""Past events and their first attempts, grouped by worker, event type and decisions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from iu_pipelines.db.queries import Queries
from iu_pipelines.db.statements import Statements
from iu_pipelines.domain.simulations.window import Window

_SQL: Final = Statements(__name__)

LOOKUPS: Final = 20_000
"""How many attempts one statement looks up: a worker and an event each."""

_NO_ROUTE: Final = 0

Report = Callable[[int, datetime], None]
"""Called with the number of events read, and the time of the oldest of them."""


@dataclass(frozen=True)
class Group:
    """Events of one type for which one worker decided the same.

    `decided` has the decision of each route, or of None if no route was enabled; it is None if the worker has
    no attempt of them. `worker_name` is None if no worker reads the domain. `examples` are the newest events.
    """

    worker_name: str | None
    event_domain: str
    event_type: str
    decided: Mapping[str | None, str] | None
    events: int
    examples: tuple[UUID, ...]


@dataclass(frozen=True)
class Past:
    """The events of a window, newest first; `events` is their number."""

    events: int
    groups: tuple[Group, ...]


def prepare(gateway: Queries) -> datetime:
    """Return the present time of the server, and set the planner for the rest of the transaction."""
    now: datetime = gateway.fetch_value(_SQL["prepare"])
    return now.astimezone(UTC)


def read(
    gateway: Queries,
    window: Window,
    readers: Mapping[str, str],
    *,
    only_readers: bool,
    limit: int | None,
    examples: int,
    report: Report | None = None,
) -> Past:
    """Read the newest events of a window, and group them. Memory does not depend on their number.

    `readers` are workers with their domains. Events of other domains are left out if `only_readers` is true.
    Each statement reads some thousand events by the primary keys of the outbox and of the attempts.
    """
    merged: dict[tuple[Any, ...], tuple[int, list[UUID]]] = {}
    events = 0
    for rows, read_now in _chunks(gateway, window, readers, only_readers, limit, examples):
        events += read_now
        for row in rows:
            key = (row["worker_name"], row["event_domain"], row["event_type"], _key(row["decided"]))
            count, ids = merged.get(key, (0, []))
            merged[key] = count + row["events"], [*ids, *row["examples"]][:examples]
        if report and rows:
            report(events, _time_of(min(row["oldest"] for row in rows)))
    names = _names(gateway, merged)
    return Past(
        events,
        tuple(
            Group(worker_name, domain, event_type, _named(decided, names), count, tuple(ids))
            for (worker_name, domain, event_type, decided), (count, ids) in merged.items()
        ),
    )


def dropped_until(gateway: Queries, domains: Sequence[str], since: datetime) -> dict[str, datetime]:
    """Return, by domain, up to when retention has deleted events of the time from `since` on."""
    found = gateway.fetch_all(_SQL["dropped"], {"domains": sorted(set(domains))})
    newest = {row["event_domain"]: row["newest_at"] for row in found}
    return {domain: at for domain, at in newest.items() if at is not None and at >= since}


def _chunks(
    gateway: Queries,
    window: Window,
    readers: Mapping[str, str],
    only_readers: bool,
    limit: int | None,
    examples: int,
) -> Iterator[tuple[list[dict[str, Any]], int]]:
    """Yield the groups of each chunk of events, and the number of its events."""
    size = max(LOOKUPS // max(len(readers), 1), 1000)
    given = {
        "first_id": window.first_id(),
        "before_id": window.last_id(),
        "since": window.since,
        "until": window.until,
        "names": list(readers),
        "domains": list(readers.values()),
        "only_domains": sorted(set(readers.values())) if only_readers else None,
        "examples": examples,
    }
    left = limit
    while left is None or left > 0:
        asked = size if left is None else min(size, left)
        rows = gateway.fetch_all(_SQL["chunk"], {**given, "events": asked})
        count = _count_events(rows)
        yield rows, count
        if count < asked:
            return
        left = None if left is None else left - count
        given["before_id"] = min(row["oldest"] for row in rows)


def _count_events(rows: Sequence[Mapping[str, Any]]) -> int:
    """Return the number of events of a chunk, in which an event is counted for each worker of its domain."""
    counts: dict[str, dict[str | None, int]] = {}
    for row in rows:
        of_domain = counts.setdefault(row["event_domain"], {})
        of_domain[row["worker_name"]] = of_domain.get(row["worker_name"], 0) + row["events"]
    return sum(max(of_domain.values()) for of_domain in counts.values())


def _key(decided: Sequence[str] | None) -> tuple[tuple[int, str], ...] | None:
    if decided is None:
        return None
    pairs = (one.split(":", 1) for one in decided)
    return tuple((int(route_no), decision) for route_no, decision in pairs)


def _names(gateway: Queries, merged: Mapping[tuple[Any, ...], object]) -> dict[int, str]:
    """Return the names of the routes in the keys."""
    numbers = {route_no for key in merged for route_no, _ in key[3] or ()}
    found = gateway.fetch_all(_SQL["names"], {"numbers": sorted(numbers)})
    return {row["name_no"]: row["name"] for row in found}


def _named(
    decided: tuple[tuple[int, str], ...] | None, names: Mapping[int, str]
) -> dict[str | None, str] | None:
    if decided is None:
        return None
    return {None if number == _NO_ROUTE else names[number]: decision for number, decision in decided}


def _time_of(event_id: UUID) -> datetime:
    """Return the time in a UUIDv7."""
    return datetime.fromtimestamp((event_id.int >> 80) / 1000, UTC)

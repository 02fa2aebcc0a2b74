"""Simulations: past events against the configuration that an outbox file proposes. Nothing is written.

One read-only transaction with one snapshot reads the configuration, the events and their attempts, so that
PostgreSQL itself refuses every write (decision 060). A worker matches routes by event type alone; so the
proposed decision of an event is that of its type.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from iu_pipelines import extras
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain.outbox_file.reading import Source
from iu_pipelines.domain.plans.difference import Change
from iu_pipelines.domain.simulations import past, proposal, window
from iu_pipelines.domain.simulations.past import Group, Past
from iu_pipelines.domain.simulations.proposal import DELIVERY, DRY_RUN, SKIPPED, Proposal
from iu_pipelines.domain.simulations.window import Window
from iu_pipelines.domain.times import Moment

if TYPE_CHECKING:
    import pandas as pd

NOT_READ: Final = "not read"
"""The worker has no attempt of the event: it waits, or a seek moved the worker past it."""

NOT_ROUTED: Final = "not routed"
"""The event is attempted on other routes, and not on this one."""

NOT_SIMULATED: Final = (
    "Captures: past events are read, and no past change of a table is.",
    "Checks of types and payloads when an event is emitted.",
    "Delivery functions: a route that is no dry run is shown as delivery, whatever its result would be.",
    "Failures: an attempt that failed is counted apart, unless the file leaves its route out.",
    "Replays: first attempts are compared.",
)

_KEY: Final = ("event_type", "route_code", "worker_name", "was", "would")
FAILED: Final = "failed"
_SENT: Final = "sent"


@dataclass(frozen=True)
class Request:
    """What to simulate. Without `workers`, every worker in use; `limit` keeps the newest events."""

    since: Moment
    until: Moment | None = None
    workers: tuple[str, ...] = ()
    limit: int | None = None
    examples: int = 3
    prune: bool = False


@dataclass(frozen=True)
class Compared:
    """What was decided and would be decided for one route, and for how many events of one worker.

    `route_code` is None if the event is skipped both times. `worker_name` is None if no worker reads the
    domain. `was` is `dry_run`, `sent`, `failed`, `skipped`, `not routed` or `not read`; `would` is `dry_run`,
    `delivery`, `skipped`, `not routed` or `not read`. `changed` is false for events that were not read, and
    for attempts that failed and would be made again.
    """

    event_type: str
    route_code: str | None
    worker_name: str | None
    was: str
    would: str
    changed: bool
    events: int
    examples: tuple[UUID, ...]


@dataclass(frozen=True)
class Simulation:
    """The comparison of a window of events.

    `events` is the number of events. `decisions` is their number for each worker, of which `changed` change,
    `failed` failed and would be attempted again, and `not_read` were not read. `proposed` has the routes of
    each event type that has events. `changes` are those of the plan.
    """

    file: str
    since: datetime
    until: datetime
    events: int
    decisions: int
    changed: int
    failed: int
    not_read: int
    comparison: tuple[Compared, ...]
    proposed: Mapping[str, Mapping[str, str]]
    changes: tuple[Change, ...]
    warnings: tuple[str, ...]
    not_simulated: tuple[str, ...] = NOT_SIMULATED

    def differences(self) -> Simulation:
        """Return the simulation with only those rows of the comparison that change."""
        return replace(self, comparison=tuple(one for one in self.comparison if one.changed))


def simulate(
    gateway: Gateway,
    source: Source,
    request: Request,
    on_progress: Callable[[int, float], None] | None = None,
) -> Simulation:
    """Compare what was decided about past events with what the file would decide.

    `on_progress` is called with the number of events read and the part of the window that they cover, 0 to 1.

    Raises:
        ExtraMissing: pandas is not installed.
        OutboxFileInvalid: the file does not fit itself or the database.
        ArgumentInvalid: no such worker.
        UsageError: the window ends before it begins.
    """
    extras.require("evidence", "pandas")
    with gateway.snapshot() as session:
        proposed = proposal.propose(session, source, prune=request.prune)
        readers = proposed.readers(request.workers)
        now = past.prepare(session)
        asked = window.between(request.since, request.until, now)
        found = past.read(
            session,
            asked,
            readers,
            only_readers=bool(request.workers),
            limit=request.limit,
            examples=request.examples,
            report=_reporter(asked, now, on_progress),
        )
        domains = [*readers.values(), *(group.event_domain for group in found.groups)]
        dropped = past.dropped_until(session, domains, asked.since)
    return _simulation(source, proposed, found, asked, now, _warnings(proposed, found, dropped), request)


def _reporter(
    asked: Window, now: datetime, on_progress: Callable[[int, float], None] | None
) -> past.Report | None:
    if on_progress is None:
        return None
    end = asked.until or now

    def report(events: int, oldest: datetime) -> None:
        on_progress(events, min(max((end - oldest) / (end - asked.since), 0.0), 1.0))

    return report


def _simulation(
    source: Source,
    proposed: Proposal,
    found: Past,
    asked: Window,
    now: datetime,
    warnings: tuple[str, ...],
    request: Request,
) -> Simulation:
    types = sorted({group.event_type for group in found.groups})
    return Simulation(
        file=source.name,
        since=asked.since,
        until=asked.until or now,
        events=found.events,
        decisions=sum(group.events for group in found.groups if group.worker_name),
        changed=sum(group.events for group in found.groups if _is_changed(group, proposed)),
        failed=sum(group.events for group in found.groups if _is_failed(group, proposed)),
        not_read=sum(group.events for group in found.groups if group.worker_name and group.decided is None),
        comparison=_compare(found.groups, proposed, request.examples),
        proposed={name: dict(proposed.of_type(name)) for name in types},
        changes=proposed.plan.changes,
        warnings=warnings,
    )


def _warnings(proposed: Proposal, found: Past, dropped: Mapping[str, datetime]) -> tuple[str, ...]:
    unread = sorted({group.event_domain for group in found.groups if group.worker_name is None})
    return (
        *proposed.plan.warnings,
        *(f"no worker reads the domain {name}: nothing would be decided about its events" for name in unread),
        *(
            f"retention has deleted events of the domain {name} up to "
            f"{newest.isoformat(sep=' ', timespec='seconds')}: they are not simulated"
            for name, newest in sorted(dropped.items())
        ),
    )


def _compare(groups: Sequence[Group], proposed: Proposal, examples: int) -> tuple[Compared, ...]:
    """Return the groups by event type, route, worker and both decisions, with the newest events of each."""
    import pandas as pd  # noqa: PLC0415  an extra, which only a simulation needs

    found = [row for group in groups for row in _rows(group, proposed)]
    if not found:
        return ()
    by_answer = pd.DataFrame(found).groupby(list(_KEY), dropna=False, sort=True)
    table = by_answer.agg(
        changed=("changed", "any"), events=("events", "sum"), examples=("examples", _newest(examples))
    )
    return tuple(_compared(row) for row in table.reset_index().to_dict("records"))


def _newest(count: int) -> Callable[[pd.Series[Any]], tuple[UUID, ...]]:
    def newest(column: pd.Series[Any]) -> tuple[UUID, ...]:
        return tuple(sorted((one for ids in column for one in ids), reverse=True)[:count])

    return newest


def _compared(row: Mapping[Any, Any]) -> Compared:
    return Compared(
        event_type=row["event_type"],
        route_code=row["route_code"] or None,
        worker_name=row["worker_name"] or None,
        was=row["was"],
        would=row["would"],
        changed=bool(row["changed"]),
        events=int(row["events"]),
        examples=row["examples"],
    )


def _rows(group: Group, proposed: Proposal) -> Iterator[dict[str, Any]]:
    """Yield a row for each route of a group, in which text is empty instead of missing."""
    for route_code, was, would in _pairs(group, proposed):
        yield {
            "event_type": group.event_type,
            "route_code": route_code,
            "worker_name": group.worker_name or "",
            "was": was,
            "would": would,
            "changed": _differs(was, would),
            "events": group.events,
            "examples": group.examples,
        }


def _pairs(group: Group, proposed: Proposal) -> Iterator[tuple[str, str, str]]:
    """Yield each route that was attempted or would be, with both decisions; if there is none, no route."""
    if group.worker_name is None:
        yield "", NOT_READ, NOT_READ
        return
    would = proposed.of_type(group.event_type)
    was = {route: decision for route, decision in (group.decided or {}).items() if route is not None}
    missed = NOT_READ if group.decided is None else NOT_ROUTED if was else SKIPPED
    for route in sorted({*was, *would}):
        yield route, was.get(route, missed), would.get(route, NOT_ROUTED if would else SKIPPED)
    if not was and not would:
        yield "", missed, SKIPPED


def _is_changed(group: Group, proposed: Proposal) -> bool:
    return any(_differs(was, would) for _, was, would in _pairs(group, proposed))


def _is_failed(group: Group, proposed: Proposal) -> bool:
    return any(_fails(was, would) for _, was, would in _pairs(group, proposed))


def _fails(was: str, would: str) -> bool:
    """Return whether an attempt failed that would be made again; its result is not simulated."""
    return was == FAILED and would in (DRY_RUN, DELIVERY)


def _differs(was: str, would: str) -> bool:
    """Return whether the answer changes. Events that were not read have none yet."""
    if was == NOT_READ or _fails(was, would):
        return False
    return was != _SENT if would == DELIVERY else was != would

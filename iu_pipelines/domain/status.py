"""The state of the whole outbox: all workers and domains, gates, routes, dead letters, and what is to note.

Every question has a bounded cost, whatever the size of the tables. Nothing is written or locked, and
`iu_auditor` may ask.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

from iu_pipelines.db.queries import Queries
from iu_pipelines.db.statements import Statements
from iu_pipelines.domain import gates, health, retention, rows
from iu_pipelines.domain.gates import Gate
from iu_pipelines.domain.health import UnreadDomain

_SQL: Final = Statements(__name__)

COUNTED_EVENTS: Final = 10_000
"""Unread events that are counted of all workers together; at least 100 of each worker."""

COUNTED_LETTERS: Final = 1_000
"""Open dead letters that are counted by cause: those that are due first."""


@dataclass(frozen=True)
class WorkerStatus:
    """The state of one worker. `backlog` is a lower bound if `backlog_capped` is true."""

    worker_name: Annotated[str, "the worker"]
    event_domain: Annotated[str, "the domain that it reads"]
    healthy: Annotated[bool, "whether it makes progress; a closed gate is not a fault"]
    faults: Annotated[tuple[str, ...], "why the worker is unhealthy"]
    backlog: Annotated[int, "integer", "unread events"]
    backlog_capped: Annotated[bool, "whether there are more unread events than backlog"]
    backlog_oldest_seconds: Annotated[float | None, "how long the oldest unread event has waited"]
    last_run_at: Annotated[datetime | None, "when the worker last ran"]
    last_progress_at: Annotated[datetime | None, "when the worker last read an event"]
    retired_at: Annotated[datetime | None, "when the worker was retired; null while it is in use"]


@dataclass(frozen=True)
class RouteCount:
    """The routes with one kind of target."""

    target_kind: str
    enabled: int
    disabled: int


@dataclass(frozen=True)
class LetterCause:
    """Open dead letters with the same worker, route, failure code and SQLSTATE.

    `sqlstate` is None if the message of the failure does not begin with one. `newest_detail` is the message
    of the newest of these letters.
    """

    worker_name: str
    route_code: str | None
    failure_code: str
    sqlstate: str | None
    letters: int
    oldest_at: datetime
    newest_at: datetime
    newest_detail: str | None


@dataclass(frozen=True)
class Status:
    """The state of the whole outbox.

    `causes` counts the COUNTED_LETTERS open letters that are due first; `causes_capped` is true if there are
    more. `notes` are sentences about unread domains, captures that are not attached, and retention.
    """

    workers: tuple[WorkerStatus, ...]
    unread_domains: tuple[UnreadDomain, ...]
    gates: tuple[Gate, ...]
    routes: tuple[RouteCount, ...]
    causes: tuple[LetterCause, ...]
    causes_capped: bool
    notes: tuple[str, ...]
    server_version: str

    @property
    def healthy(self) -> bool:
        """Whether every worker that is in use is healthy."""
        return all(one.healthy for one in self.workers if one.retired_at is None)

    @property
    def domains(self) -> tuple[str, ...]:
        """The domains that a worker reads, and the unread ones, in alphabetical order."""
        read = {one.event_domain for one in self.workers}
        return tuple(sorted(read | {one.event_domain for one in self.unread_domains}))


def read(gateway: Queries) -> Status:
    """Return the state of the whole outbox."""
    causes = _causes(gateway)
    return Status(
        workers=tuple(list_workers(gateway)),
        unread_domains=tuple(health.unread_domains(gateway)),
        gates=tuple(gates.list_gates(gateway)),
        routes=tuple(_routes(gateway)),
        causes=tuple(causes),
        causes_capped=sum(cause.letters for cause in causes) > COUNTED_LETTERS,
        notes=tuple(notes(gateway)),
        server_version=gateway.fetch_value(_SQL["server_version"]),
    )


def _routes(gateway: Queries) -> list[RouteCount]:
    return [rows.read(RouteCount, row) for row in gateway.fetch_all(_SQL["routes"])]


def _causes(gateway: Queries) -> list[LetterCause]:
    found = gateway.fetch_all(_SQL["causes"], {"counted": COUNTED_LETTERS + 1})
    return [rows.read(LetterCause, row) for row in found]


def list_workers(gateway: Queries) -> list[WorkerStatus]:
    """Return the state of every worker, also of the retired ones, by name."""
    found = gateway.fetch_all(_SQL["workers"], {"counted": COUNTED_EVENTS})
    return [rows.read(WorkerStatus, row) for row in found]


def notes(gateway: Queries) -> list[str]:
    """Return the notes on unread domains, on captures that are not attached, and on retention."""
    found: list[str] = gateway.fetch_value(_SQL["outbox_notes"])
    return found + [state.note for state in retention.states(gateway) if state.note]

"""The numbers for a monitoring system, read in one read-only transaction."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.queries import Queries
from iu_pipelines.db.statements import Statements
from iu_pipelines.domain import gates, health, rows
from iu_pipelines.domain.gates import Gate
from iu_pipelines.domain.health import HealthReport, UnreadDomain

_SQL: Final = Statements(__name__)

COUNTED_LETTERS: Final = 10_000
"""The maximum number of open dead letters that are counted."""

_TIMEOUT: Final = "5s"


@dataclass(frozen=True)
class WorkerNumbers:
    """One worker in use: its health report, and the number of its attempts without replays."""

    worker_name: str
    event_domain: str
    attempts: int
    failed: int
    sent: int
    health: HealthReport


@dataclass(frozen=True)
class Totals:
    """Totals of all domains and workers. `emitted` is the highest `event_seq`, None without any event."""

    emitted: int | None
    replays: int
    replays_failed: int
    replays_sent: int


@dataclass(frozen=True)
class LetterCount:
    """The number of open dead letters with one failure and route; `route_code` is empty without a route."""

    failure_code: str
    route_code: str
    letters: int


@dataclass(frozen=True)
class RouteCount:
    """The number of routes with one kind of target that are enabled, or that are disabled."""

    target_kind: str
    enabled: bool
    routes: int


@dataclass(frozen=True)
class CaptureState:
    """One enabled capture, and whether all its triggers exist."""

    route_code: str
    attached: bool


@dataclass(frozen=True)
class RetentionState:
    """Retention in one domain. `note` says why old events are kept too long; None if nothing has to be done.

    Retention is off if `retention_days` is 0.
    """

    event_domain: str
    retention_days: int
    oldest_event_at: datetime | None
    overdue_days: int
    note: str | None


@dataclass(frozen=True)
class Snapshot:
    """The numbers of one moment. `seconds` is how long it took to read them."""

    server_version: int
    workers: tuple[WorkerNumbers, ...]
    totals: Totals
    letters: tuple[LetterCount, ...]
    gates: tuple[Gate, ...]
    unread_domains: tuple[UnreadDomain, ...]
    routes: tuple[RouteCount, ...]
    captures: tuple[CaptureState, ...]
    retention: tuple[RetentionState, ...]
    seconds: float


def collect(gateway: Gateway) -> Snapshot:
    """Return the numbers of this moment. `iu_auditor` may read all of them.

    The transaction is read-only, and each statement is cancelled after five seconds.

    Raises:
        Unavailable: a statement was cancelled.
        StatementFailed: the schema is not installed, or not completely.
        ConnectionFailed, PermissionDenied: as every call of the gateway.
    """
    started = time.monotonic()
    with gateway.transaction() as session:
        session.fetch_one(_SQL["limit"], {"timeout": _TIMEOUT})
        return Snapshot(
            server_version=session.fetch_value(_SQL["server_version"]),
            workers=tuple(_workers(session)),
            totals=_totals(session),
            letters=tuple(_letters(session)),
            gates=tuple(gates.list_gates(session)),
            unread_domains=tuple(health.unread_domains(session)),
            routes=tuple(_routes(session)),
            captures=tuple(_captures(session)),
            retention=tuple(_retention(session)),
            seconds=time.monotonic() - started,
        )


def _workers(session: Queries) -> list[WorkerNumbers]:
    return [rows.read(WorkerNumbers, row) for row in session.fetch_all(_SQL["workers"])]


def _totals(session: Queries) -> Totals:
    return rows.read(Totals, session.fetch_one(_SQL["totals"]))


def _letters(session: Queries) -> list[LetterCount]:
    found = session.fetch_all(_SQL["letters"], {"most": COUNTED_LETTERS})
    return [rows.read(LetterCount, row) for row in found]


def _routes(session: Queries) -> list[RouteCount]:
    return [rows.read(RouteCount, row) for row in session.fetch_all(_SQL["routes"])]


def _captures(session: Queries) -> list[CaptureState]:
    return [rows.read(CaptureState, row) for row in session.fetch_all(_SQL["captures"])]


def _retention(session: Queries) -> list[RetentionState]:
    return [rows.read(RetentionState, row["answer"]) for row in session.fetch_all(_SQL["retention"])]

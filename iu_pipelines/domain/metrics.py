"""The numbers for a monitoring system, read in one read-only transaction."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.queries import Queries
from iu_pipelines.db.statements import Statements
from iu_pipelines.domain import deliveries, retention, rows, status
from iu_pipelines.domain.deliveries import TargetQueue
from iu_pipelines.domain.retention import DomainState
from iu_pipelines.domain.status import Status, WorkerStatus
from iu_pipelines.errors import Unavailable

_SQL: Final = Statements(__name__)

_STATEMENT_SECONDS: Final = 5
LOCK_SECONDS: Final = 4
"""How long a statement waits for a lock: less than it may take, so that the error names the lock."""

_CANCELLED: Final = "57014"


@dataclass(frozen=True)
class Tally:
    """The numbers of attempts of one worker, without replays."""

    worker_name: str
    attempts: int
    failed: int
    sent: int


@dataclass(frozen=True)
class Totals:
    """Totals of all domains and workers. `emitted` is the highest `event_seq`, None without any event."""

    emitted: int | None
    replays: int
    replays_failed: int
    replays_sent: int


@dataclass(frozen=True)
class CaptureState:
    """One enabled capture, and whether all its triggers exist."""

    route_code: str
    attached: bool


@dataclass(frozen=True)
class TargetState:
    """One target of live delivery. `failures` counts those since the last success."""

    target: str
    enabled: bool
    paused: bool
    failover_hold: bool
    failures: int


@dataclass(frozen=True)
class LiveRoute:
    """One route that was ever promoted.

    `outcomes` and `failed_outcomes` are those of its promotion; from 200 on, both are halved. `due_seconds`
    is how long its oldest delivery, parked and dead ones left out, has been due, and `unread_seconds` the age
    of the oldest event that it has not queued. `held_reason` says why nothing of it is claimed now.
    """

    route_code: str
    target: str
    sent: int
    outcomes: int
    failed_outcomes: int
    expires_at: datetime
    is_demoted: bool
    held_reason: str | None
    due_seconds: float
    unread_seconds: float


@dataclass(frozen=True)
class Delivery:
    """The numbers of live delivery."""

    queues: tuple[TargetQueue, ...]
    targets: tuple[TargetState, ...]
    routes: tuple[LiveRoute, ...]


@dataclass(frozen=True)
class Snapshot:
    """The numbers of one moment.

    `workers` are those in use, and `tallies` has those that have made an attempt. `delivery` is None without
    the module iu-delivery. `seconds` is how long it took to read everything.
    """

    status: Status
    tallies: tuple[Tally, ...]
    totals: Totals
    captures: tuple[CaptureState, ...]
    retention: tuple[DomainState, ...]
    delivery: Delivery | None
    seconds: float

    @property
    def workers(self) -> tuple[WorkerStatus, ...]:
        """The workers that are in use."""
        return tuple(worker for worker in self.status.workers if worker.retired_at is None)


def collect(gateway: Gateway) -> Snapshot:
    """Return the numbers of this moment. `iu_auditor` may read all of them.

    They are of one read-only snapshot. Each statement is cancelled after five seconds, or after four
    of waiting for a lock.

    Raises:
        Unavailable: a statement was cancelled.
        StatementFailed: the schema is not installed, or not completely.
        ConnectionFailed, PermissionDenied: as every call of the gateway.
    """
    try:
        return _collected(gateway)
    except Unavailable as error:
        if error.code != _CANCELLED:
            raise
        raise Unavailable(
            f"the numbers were not read: a statement took more than {_STATEMENT_SECONDS} s",
            hint="Look for a busy server and old transactions with iu doctor, or scrape less often "
            "(docs/operate/monitoring.md#iuscrapeslow).",
            code=error.code,
        ) from error


def _collected(gateway: Gateway) -> Snapshot:
    started = time.monotonic()
    with gateway.snapshot() as session:
        limits = {"timeout": f"{_STATEMENT_SECONDS}s", "lock_timeout": f"{LOCK_SECONDS}s"}
        session.fetch_one(_SQL["limit"], limits)
        return Snapshot(
            status=status.read(session),
            tallies=tuple(_tallies(session)),
            totals=_totals(session),
            captures=tuple(_captures(session)),
            retention=tuple(retention.states(session)),
            delivery=_delivery(session) if deliveries.is_installed(session) else None,
            seconds=time.monotonic() - started,
        )


def _tallies(session: Queries) -> list[Tally]:
    return [rows.read(Tally, row) for row in session.fetch_all(_SQL["tallies"])]


def _totals(session: Queries) -> Totals:
    return rows.read(Totals, session.fetch_one(_SQL["totals"]))


def _captures(session: Queries) -> list[CaptureState]:
    return [rows.read(CaptureState, row) for row in session.fetch_all(_SQL["captures"])]


def _delivery(session: Queries) -> Delivery:
    return Delivery(
        queues=tuple(deliveries.status(session)),
        targets=_targets(session),
        routes=_live_routes(session),
    )


def _targets(session: Queries) -> tuple[TargetState, ...]:
    return tuple(rows.read(TargetState, row) for row in session.fetch_all(_SQL["delivery_targets"]))


def _live_routes(session: Queries) -> tuple[LiveRoute, ...]:
    return tuple(rows.read(LiveRoute, row) for row in session.fetch_all(_SQL["live_routes"]))

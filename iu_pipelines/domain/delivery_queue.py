"""The queue of deliveries, row by row: what a sender would find, what is in doubt, and dead letters.

The module `iu-delivery` must be installed. Every question has a bounded cost, whatever the size of the queue.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from iu_pipelines.db.queries import Queries
from iu_pipelines.db.statements import Statements
from iu_pipelines.domain import rows

_SQL: Final = Statements(__name__)

LOOKED_AT: Final = 1_000
"""Due deliveries of a route among which those in doubt are searched, newest first."""

REPORTS: Final = 20
"""The newest reports of outcomes of each target among which failed sends are searched."""


@dataclass(frozen=True)
class Delivery:
    """One delivery that is not settled: a row of `iu_delivery`, deleted when it is sent or discarded."""

    route_no: Annotated[int, "integer", "the number of the route"]
    event_seq: Annotated[int, "the number of the event"]
    event_id: Annotated[UUID, "the event"]
    subject: Annotated[UUID, "what the event is about; the event itself if that is nothing"]
    due_at: Annotated[datetime, "when it is due, or when the lease of its claim ends"]
    queued_at: Annotated[datetime, "when it was queued"]
    claim_id: Annotated[int | None, "the claim whose outcome is not recorded; null: not claimed"]
    claims: Annotated[int, "integer", "number of claims"]
    failures: Annotated[int, "integer", "failures that the target caused"]
    doubts: Annotated[int, "integer", "claims whose outcome was never recorded"]
    is_head: Annotated[bool, "whether it is the first of its subject; only such a delivery is claimed"]
    dead_at: Annotated[datetime | None, "when it became a dead letter; null: it is none"]
    dead_reason: Annotated[str | None, "why it became a dead letter"]


@dataclass(frozen=True)
class Waiting:
    """What waits on one route that was ever promoted. `refusal` says why nothing of it is claimed now.

    `unread_since` is when the oldest event that its cursor has not read was emitted.
    """

    target: str
    kind: str
    route_code: str
    refusal: str | None
    next_due_at: datetime | None
    unread_since: datetime | None


@dataclass(frozen=True)
class InDoubt:
    """One delivery whose lease passed without an outcome. `claims` is the number of claims."""

    target: str
    route_code: str
    event_id: UUID
    subject: UUID
    claims: int
    since: datetime
    sender: str | None
    run_ref: str | None


@dataclass(frozen=True)
class Failure:
    """One outcome of a send that the target did not accept. `decision` is retry or failed."""

    target: str
    route_code: str
    event_id: UUID
    decision: str
    status_code: int | None
    error_detail: str | None
    recorded_at: datetime
    run_ref: str | None


@dataclass(frozen=True)
class DeadDelivery:
    """One dead letter, behind which the later deliveries of its subject are parked."""

    target: str
    route_code: str
    event_id: UUID
    subject: UUID
    claims: int
    dead_at: datetime
    dead_reason: str


def waiting(gateway: Queries) -> list[Waiting]:
    """Return what waits on each route that was ever promoted, by target and route."""
    return [rows.read(Waiting, row) for row in gateway.fetch_all(_SQL["waiting"])]


def in_doubt(gateway: Queries, target: str | None = None, limit: int = 20) -> list[InDoubt]:
    """Return up to `limit` deliveries in doubt, newest first, of one target or of all."""
    return [rows.read(InDoubt, row) for row in gateway.fetch_all(_SQL["in_doubt"], _given(target, limit))]


def failures(gateway: Queries, target: str | None = None, limit: int = 10) -> list[Failure]:
    """Return up to `limit` failed sends among the newest reports, newest first, of one target or of all."""
    given = {"target": target, "max_rows": limit, "reports": REPORTS}
    return [rows.read(Failure, row) for row in gateway.fetch_all(_SQL["failures"], given)]


def dead(gateway: Queries, target: str | None = None, limit: int = 20) -> list[DeadDelivery]:
    """Return up to `limit` dead letters in the order of their events, of one target or of all."""
    return [rows.read(DeadDelivery, row) for row in gateway.fetch_all(_SQL["dead"], _given(target, limit))]


def _given(target: str | None, limit: int) -> dict[str, Any]:
    return {"target": target, "max_rows": limit, "looked_at": LOOKED_AT}

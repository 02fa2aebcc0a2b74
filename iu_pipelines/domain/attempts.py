"""Attempts: the append-only audit of every try, and the way from an attempt to its run.

Stands on the view ``iu_route_attempt``, the ledger ``iu_route_batch`` and ``fn_iu_attempts_conservation``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from iu_pipelines.db.queries import Queries
from iu_pipelines.db.statements import Statements
from iu_pipelines.domain import rows

_SQL: Final = Statements(__name__)


@dataclass(frozen=True)
class Attempt:
    """One try of one event on one route; ``route_code`` is None where no route was enabled."""

    attempt_id: Annotated[int, "in the order of writing"]
    batch_id: Annotated[int | None, "the batch that made the attempt; null for a replay"]
    worker_name: Annotated[str, "the consumer"]
    event_id: Annotated[UUID, "the event"]
    route_code: Annotated[str | None, "the route; null where none was enabled"]
    idempotency_key: Annotated[str, "the same for every try of one worker, event and route"]
    attempt_no: Annotated[int, "integer", "1 for the batch, higher for replays"]
    status: Annotated[str, "the same as decision"]
    decision: Annotated[str, "dry_run, skipped, failed or sent"]
    delivered: Annotated[bool, "always false: delivery is not built"]
    target_kind: Annotated[str | None, "of the route at that moment"]
    target_ref: Annotated[str | None, "of the route at that moment"]
    error_code: Annotated[str | None, "worker_process_error where it failed"]
    error_detail: Annotated[str | None, "what went wrong"]
    created_at: Annotated[datetime, "when the row was written"]
    run_ref: Annotated[str | None, "the id of the Dagster run that made it"]


@dataclass(frozen=True)
class DecisionCount:
    """How many attempts ended with one decision."""

    decision: str
    attempts: int


@dataclass(frozen=True)
class Conservation:
    """How many consumed events have no attempt, and how many batches differ from their row."""

    events_unattempted: int
    batches_checked: int
    batches_differing: int


def counts_by_decision(gateway: Queries) -> list[DecisionCount]:
    """Count all attempts by decision, most frequent first.

    First attempts come from the ledger of batches and replays from their own index, so the cost does
    not grow with the audit.
    """
    return [rows.read(DecisionCount, row) for row in gateway.fetch_all(_SQL["counts_by_decision"])]


def recent(gateway: Queries, limit: int = 20, run_ref: str | None = None) -> list[Attempt]:
    """Return the newest attempts first, of one run when named."""
    found = gateway.fetch_all(_SQL["recent"], {"run_ref": run_ref, "max_rows": limit})
    return [rows.read(Attempt, row) for row in found]


def for_event(gateway: Queries, event_id: UUID) -> list[Attempt]:
    """Return every attempt of one event, oldest first."""
    found = gateway.fetch_all(_SQL["for_event"], {"event_id": event_id})
    return [rows.read(Attempt, row) for row in found]


def for_batch(gateway: Queries, batch_id: int, limit: int = 100) -> list[Attempt]:
    """Return the first attempts of one batch, in the order of the audit."""
    found = gateway.fetch_all(_SQL["for_batch"], {"batch_id": batch_id, "max_rows": limit})
    return [rows.read(Attempt, row) for row in found]


def conservation(gateway: Queries, worker_name: str, newest: int = 10_000) -> Conservation:
    """Hold the newest consumed events and batches of a worker against the audit, at a bounded cost."""
    row = gateway.fetch_one(_SQL["conservation"], {"worker_name": worker_name, "newest": newest})
    return rows.read(Conservation, row)

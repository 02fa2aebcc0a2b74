"""Attempts: the append-only audit of every try, and the way from an attempt to its run.

Stands on the functions `fn_iu_attempts_…`, whose cost does not grow with the audit, and on the ledger
`iu_route_batch`.
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
    """One try of one event on one route; `route_code` is None where no route was enabled."""

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


def recent(gateway: Queries, limit: int = 20, before: int | None = None) -> list[Attempt]:
    """Return the newest attempts, newest first; `before` continues after an attempt_id of the page before.

    Raises BatchLimitInvalid for a limit outside 1 to 10,000, as all that take one do.
    """
    return _found(gateway, "recent", max_rows=limit, before=before)


def for_run(gateway: Queries, run_ref: str, limit: int = 20, before: int | None = None) -> list[Attempt]:
    """Return the newest attempts of one run, newest first."""
    return _found(gateway, "for_run", run_ref=run_ref, max_rows=limit, before=before)


def for_worker(
    gateway: Queries, worker_name: str, limit: int = 20, before: int | None = None
) -> list[Attempt]:
    """Return the newest attempts of one worker, newest first."""
    return _found(gateway, "for_worker", worker_name=worker_name, max_rows=limit, before=before)


def for_batch(gateway: Queries, batch_id: int, limit: int = 100, before: int | None = None) -> list[Attempt]:
    """Return the last attempts of one batch, in the order of the audit."""
    return _found(gateway, "for_batch", batch_id=batch_id, max_rows=limit, before=before)


def for_event(gateway: Queries, event_id: UUID) -> list[Attempt]:
    """Return every attempt of one event, oldest first."""
    return _found(gateway, "for_event", event_id=event_id)


def for_key(gateway: Queries, idempotency_key: str) -> list[Attempt]:
    """Return every attempt under one idempotency key, oldest first.

    Raises ArgumentInvalid for what is neither `worker:event:route` nor the key of a dead letter.
    """
    return _found(gateway, "for_key", idempotency_key=idempotency_key)


def attempt(gateway: Queries, attempt_id: int) -> Attempt | None:
    """Return one attempt, or None where there is none."""
    return next(iter(_found(gateway, "attempt", attempt_id=attempt_id)), None)


def _found(gateway: Queries, statement: str, **params: object) -> list[Attempt]:
    return [rows.read(Attempt, row) for row in gateway.fetch_all(_SQL[statement], params)]


def conservation(gateway: Queries, worker_name: str, newest: int = 10_000) -> Conservation:
    """Hold the newest consumed events and batches of a worker against the audit, at a bounded cost."""
    row = gateway.fetch_one(_SQL["conservation"], {"worker_name": worker_name, "newest": newest})
    return rows.read(Conservation, row)

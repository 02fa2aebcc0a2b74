"""Attempts: the rows of the append-only audit, by run, worker, batch, event or key.

They are read by the functions `fn_iu_attempts_…`, whose cost does not grow with the audit.
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
    """One attempt for one event and route; `route_code` is None if no route was enabled."""

    attempt_id: Annotated[int, "in the order of writing"]
    batch_id: Annotated[int | None, "the batch that wrote the attempt; null for a replay"]
    worker_name: Annotated[str, "the worker"]
    event_id: Annotated[UUID, "the event"]
    route_code: Annotated[str | None, "the route; null if none was enabled"]
    idempotency_key: Annotated[str, "the same for every attempt of one worker, event and route"]
    attempt_no: Annotated[int, "integer", "1 for the attempt of a batch, higher for replays"]
    status: Annotated[str, "the same as decision"]
    decision: Annotated[str, "dry_run, skipped, failed or sent"]
    delivered: Annotated[bool, "always false: delivery is not implemented"]
    target_kind: Annotated[str | None, "target_kind of the route at that time"]
    target_ref: Annotated[str | None, "target_ref of the route at that time"]
    error_code: Annotated[str | None, "worker_process_error if the attempt failed"]
    error_detail: Annotated[str | None, "the error message"]
    created_at: Annotated[datetime, "when the row was written"]
    run_ref: Annotated[str | None, "the id of the Dagster run that wrote the attempt"]


@dataclass(frozen=True)
class DecisionCount:
    """The number of attempts with one decision."""

    decision: str
    attempts: int


@dataclass(frozen=True)
class Conservation:
    """Counts of consumed events without an attempt, and of batches whose number of attempts is wrong."""

    events_unattempted: int
    batches_checked: int
    batches_differing: int


def counts_by_decision(gateway: Queries) -> list[DecisionCount]:
    """Count all attempts by decision, most frequent first.

    First attempts are summed from `iu_route_batch` and replays counted by an index, so the cost does not
    grow with the audit.
    """
    return [rows.read(DecisionCount, row) for row in gateway.fetch_all(_SQL["counts_by_decision"])]


def recent(gateway: Queries, limit: int = 20, before: int | None = None) -> list[Attempt]:
    """Return the newest attempts, newest first; `before` is the last attempt_id of the previous page.

    Raises:
        BatchLimitInvalid: the limit is outside 1 to 10,000, also in the other functions of this module.
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
    """Return the last attempts of one batch, in ascending order of attempt_id."""
    return _found(gateway, "for_batch", batch_id=batch_id, max_rows=limit, before=before)


def for_event(gateway: Queries, event_id: UUID) -> list[Attempt]:
    """Return every attempt of one event, oldest first."""
    return _found(gateway, "for_event", event_id=event_id)


def for_key(gateway: Queries, idempotency_key: str) -> list[Attempt]:
    """Return every attempt with one idempotency key, oldest first.

    Raises:
        ArgumentInvalid: the key is neither `worker:event:route` nor that of a dead letter.
    """
    return _found(gateway, "for_key", idempotency_key=idempotency_key)


def attempt(gateway: Queries, attempt_id: int) -> Attempt | None:
    """Return one attempt, or None if there is none."""
    return next(iter(_found(gateway, "attempt", attempt_id=attempt_id)), None)


def _found(gateway: Queries, statement: str, **params: object) -> list[Attempt]:
    return [rows.read(Attempt, row) for row in gateway.fetch_all(_SQL[statement], params)]


def conservation(gateway: Queries, worker_name: str, newest: int = 10_000) -> Conservation:
    """Compare the newest consumed events and batches of a worker with its attempts.

    The cost is bounded by `newest` events, and by the batches of as many attempts, at most 100.
    """
    row = gateway.fetch_one(_SQL["conservation"], {"worker_name": worker_name, "newest": newest})
    return rows.read(Conservation, row)

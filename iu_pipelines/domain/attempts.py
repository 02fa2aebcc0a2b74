"""Attempts: the rows of the append-only audit, listed by run, worker, batch, event or idempotency key.

The SQL functions `fn_iu_attempts_…` read them, at a cost that does not depend on the size of the audit.
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
    """One attempt of a worker for an event and a route. `route_code` is None if no route was enabled."""

    attempt_id: Annotated[int, "ascending in the order in which attempts were written"]
    batch_id: Annotated[int | None, "the batch of the attempt; null for a replay"]
    worker_name: Annotated[str, "the worker"]
    event_id: Annotated[UUID, "the event"]
    route_code: Annotated[str | None, "the route; null if none was enabled"]
    idempotency_key: Annotated[str, "the same for every attempt of one worker, event and route"]
    attempt_no: Annotated[int, "integer", "1 for the attempt of a batch, higher for replays"]
    status: Annotated[str, "the same as decision"]
    decision: Annotated[str, "dry_run, skipped, failed or sent"]
    delivered: Annotated[bool, "always false: delivery is not implemented"]
    target_kind: Annotated[str | None, "target_kind of the route when the attempt was made"]
    target_ref: Annotated[str | None, "target_ref of the route when the attempt was made"]
    error_code: Annotated[str | None, "worker_process_error if the attempt failed"]
    error_detail: Annotated[str | None, "the error message"]
    created_at: Annotated[datetime, "when the row was written"]
    run_ref: Annotated[
        str | None, "the run_ref of the run that made the attempt; for Dagster the id of the run"
    ]


@dataclass(frozen=True)
class DecisionCount:
    """The number of attempts with one decision."""

    decision: str
    attempts: int


@dataclass(frozen=True)
class Conservation:
    """The result of `conservation`.

    `events_unattempted` counts the events that the worker has read and that have no attempt;
    `batches_differing` counts the batches whose recorded number of attempts differs from the actual one.
    """

    events_unattempted: int
    batches_checked: int
    batches_differing: int


def counts_by_decision(gateway: Queries) -> list[DecisionCount]:
    """Count all attempts by decision, most frequent first.

    First attempts are summed from the counts in `iu_route_batch`, and replays are counted by an index.
    """
    return [rows.read(DecisionCount, row) for row in gateway.fetch_all(_SQL["counts_by_decision"])]


def recent(gateway: Queries, limit: int = 20, before: int | None = None) -> list[Attempt]:
    """Return the newest attempts, newest first.

    For the next page, pass the `attempt_id` of the last attempt of the previous page as `before`. This also
    holds for the other functions of this module with these arguments.

    Raises:
        BatchLimitInvalid: the limit is outside 1 to 10,000.
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
    """Return the `limit` attempts of one batch with the highest ids, in ascending order of `attempt_id`."""
    return _found(gateway, "for_batch", batch_id=batch_id, max_rows=limit, before=before)


def for_event(gateway: Queries, event_id: UUID) -> list[Attempt]:
    """Return every attempt of one event, oldest first."""
    return _found(gateway, "for_event", event_id=event_id)


def for_key(gateway: Queries, idempotency_key: str) -> list[Attempt]:
    """Return every attempt with one idempotency key, oldest first.

    Raises:
        ArgumentInvalid: the key is neither of the form `worker:event:route` nor the key of a dead letter.
    """
    return _found(gateway, "for_key", idempotency_key=idempotency_key)


def attempt(gateway: Queries, attempt_id: int) -> Attempt | None:
    """Return one attempt, or None if there is none."""
    return next(iter(_found(gateway, "attempt", attempt_id=attempt_id)), None)


def _found(gateway: Queries, statement: str, **params: object) -> list[Attempt]:
    return [rows.read(Attempt, row) for row in gateway.fetch_all(_SQL[statement], params)]


def conservation(gateway: Queries, worker_name: str, newest: int = 10_000) -> Conservation:
    """Compare the newest events that a worker has read, and its newest batches, with its attempts.

    At most `newest` events are checked, and the newest batches with about `newest` attempts in total, at most
    100 batches.
    """
    row = gateway.fetch_one(_SQL["conservation"], {"worker_name": worker_name, "newest": newest})
    return rows.read(Conservation, row)

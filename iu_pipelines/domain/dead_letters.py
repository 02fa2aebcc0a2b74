"""Dead letters: listing, replaying and discarding events whose processing failed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from iu_pipelines.db.queries import Queries
from iu_pipelines.db.statements import Statements
from iu_pipelines.domain import rows
from iu_pipelines.errors import UnknownDeadLetter

_MOST_FILTERED: Final = 10_000

Resolution = Literal["open", "replayed", "discarded"]

_SQL: Final = Statements(__name__)


@dataclass(frozen=True)
class DeadLetter:
    """One dead letter. It is open while `resolution` is None."""

    dead_letter_id: Annotated[UUID, "the dead letter"]
    event_id: Annotated[UUID, "the event that failed"]
    worker_name: Annotated[str, "the worker"]
    route_code: Annotated[str | None, "the route that failed"]
    idempotency_key: Annotated[str, "the idempotency key of its attempts"]
    event_snapshot: Annotated[dict[str, Any], "references of the event, never its content"]
    failure_code: Annotated[str, "the kind of failure; always worker_process_error in this version"]
    failure_detail: Annotated[str | None, "the error message"]
    attempts: Annotated[int, "integer", "the number of attempts so far"]
    resolution: Annotated[str | None, "null while the letter is open, then replayed or discarded"]
    resolved_at: Annotated[datetime | None, "when the letter was closed"]
    resolved_by: Annotated[str | None, "the role that closed the letter"]
    resolution_reason: Annotated[str | None, "the reason of a discard"]
    next_replay_at: Annotated[datetime | None, "the time from which an open letter is due for a replay"]
    created_at: Annotated[datetime, "when the row was written"]


@dataclass(frozen=True)
class GivenUp(DeadLetter):
    """An open dead letter that has reached a number of attempts."""

    gave_up_at: Annotated[datetime, "when it reached them"]


@dataclass(frozen=True)
class ReplayResult:
    """The result of a replay. `decision` is None if no attempt was made."""

    status: Literal["replayed", "master_gate_closed", "already_resolved"]
    decision: Literal["dry_run", "skipped", "failed", "sent"] | None
    resolved: bool
    attempt_no: int | None
    dead_letter_id: UUID


def list_letters(
    gateway: Queries,
    *,
    resolution: Resolution | None = "open",
    worker_name: str | None = None,
    route_code: str | None = None,
    failure_code: str | None = None,
    older_than: timedelta | None = None,
    max_attempts: int | None = None,
    due_only: bool = False,
    limit: int = 100,
) -> list[DeadLetter]:
    """Return dead letters in the order in which they are due, optionally with fewer than `max_attempts`.

    A filter that is None matches every letter. If `due_only` is true, only letters that are due are returned.
    """
    found = gateway.fetch_all(
        _SQL["list_letters"],
        {
            "resolution": resolution,
            "worker_name": worker_name,
            "route_code": route_code,
            "failure_code": failure_code,
            "older_than": older_than,
            "max_attempts": max_attempts,
            "due_only": due_only,
            "max_rows": limit,
        },
    )
    return [rows.read(DeadLetter, row) for row in found]


def list_replayable(
    gateway: Queries,
    *,
    route_code: str | None = None,
    failure_code: str | None = None,
    older_than: timedelta | None = None,
    max_attempts: int | None = None,
    limit: int = 100,
) -> list[DeadLetter]:
    """Return open letters whose replay can succeed now, in the order in which they are due.

    Their route is enabled and dry-run, and they are due or the route was changed after their last attempt. A
    filter that is None matches every letter. The filters apply to the 10,000 letters that are due first.
    """
    filters = {
        "route_code": route_code,
        "failure_code": failure_code,
        "older_than": older_than,
        "max_attempts": max_attempts,
    }
    is_filtered = any(value is not None for value in filters.values())
    rows_read = _MOST_FILTERED if is_filtered else limit
    found = gateway.fetch_all(_SQL["list_replayable"], {**filters, "read_rows": rows_read, "max_rows": limit})
    return [rows.read(DeadLetter, row) for row in found]


def list_given_up(
    gateway: Queries, attempts: int, since: datetime | None = None, limit: int = 100
) -> list[GivenUp]:
    """Return open letters with at least `attempts` attempts, in the order in which they reached them.

    With `since`, only those that reached them later.
    """
    found = gateway.fetch_all(
        _SQL["list_given_up"], {"attempts": attempts, "since": since, "max_rows": limit}
    )
    return [rows.read(GivenUp, row) for row in found]


def newest_open(gateway: Queries) -> UUID | None:
    """Return the id of the newest open letter, or None if no letter is open."""
    found: UUID | None = gateway.fetch_value(_SQL["newest_open"])
    return found


def letter(gateway: Queries, dead_letter_id: UUID) -> DeadLetter:
    """Return one dead letter, open or closed.

    Raises:
        UnknownDeadLetter: there is no such letter.
    """
    row = gateway.fetch_one(_SQL["letter"], {"dead_letter_id": dead_letter_id})
    if row is None:
        raise UnknownDeadLetter(
            f"there is no dead letter {dead_letter_id}", hint="List the open dead letters with: iu audit"
        )
    return rows.read(DeadLetter, row)


def count_open(gateway: Queries, worker_name: str | None = None) -> int:
    """Return the number of open dead letters, of all workers or of one."""
    count: int = gateway.fetch_value(_SQL["count_open"], {"worker_name": worker_name})
    return count


def replay(gateway: Queries, dead_letter_id: UUID, run_ref: str | None = None) -> ReplayResult:
    """Replay one dead letter.

    Raises:
        UnknownDeadLetter: there is no such letter.
    """
    answer = gateway.fetch_value(_SQL["replay"], {"dead_letter_id": dead_letter_id, "run_ref": run_ref})
    return rows.read(ReplayResult, answer)


def discard(gateway: Queries, dead_letter_id: UUID, reason: str) -> dict[str, Any]:
    """Discard one dead letter.

    Raises:
        UnknownDeadLetter: there is no such letter.
        ArgumentInvalid: the reason is empty.
    """
    answer: dict[str, Any] = gateway.fetch_value(
        _SQL["discard"], {"dead_letter_id": dead_letter_id, "reason": reason}
    )
    return answer

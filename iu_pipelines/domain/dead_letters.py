"""Dead letters: events set aside, replayed or discarded with a reason.

Stands on ``iu_route_dead_letter``, ``fn_iu_dead_letters_replayable``, ``fn_iu_route_dead_letter_replay``
and ``fn_iu_route_dead_letter_discard``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from iu_pipelines.db.queries import Queries
from iu_pipelines.errors import UnknownDeadLetter

Resolution = Literal["open", "replayed", "discarded"]

_RESOLUTION_FILTERS: Final[dict[Resolution | None, str]] = {
    None: "true",
    "open": "resolution is null",
    "replayed": "resolution = 'replayed'",
    "discarded": "resolution = 'discarded'",
}


_COLUMNS: Final = """dead_letter_id, event_id, worker_name, route_code, idempotency_key, event_snapshot,
    failure_code, failure_detail, attempts, resolution, resolved_at, resolved_by, resolution_reason,
    next_replay_at, created_at"""


@dataclass(frozen=True)
class DeadLetter:
    """One event set aside. ``resolution`` of None means open; the snapshot holds references only."""

    dead_letter_id: Annotated[UUID, "the letter"]
    event_id: Annotated[UUID, "the event that was set aside"]
    worker_name: Annotated[str, "the consumer"]
    route_code: Annotated[str | None, "the route that failed"]
    idempotency_key: Annotated[str, "the key of every try"]
    event_snapshot: Annotated[dict[str, Any], "references of the event, never its content"]
    failure_code: Annotated[str, "worker_process_error"]
    failure_detail: Annotated[str | None, "what went wrong"]
    attempts: Annotated[int, "integer", "tries so far"]
    resolution: Annotated[str | None, "null while open, then replayed or discarded"]
    resolved_at: Annotated[datetime | None, "when it was closed"]
    resolved_by: Annotated[str | None, "who closed it"]
    resolution_reason: Annotated[str | None, "why it was closed"]
    next_replay_at: Annotated[datetime | None, "an open letter is due from here on"]
    created_at: Annotated[datetime, "when the event was set aside"]


@dataclass(frozen=True)
class ReplayResult:
    """What a replay answered; ``decision`` is None where nothing was tried."""

    status: Literal["replayed", "master_gate_closed", "already_resolved"]
    decision: Literal["dry_run", "skipped", "failed", "sent"] | None
    resolved: bool
    attempt_no: int | None
    dead_letter_id: UUID


def list_letters(
    gateway: Queries,
    *,
    resolution: Resolution | None = "open",
    route_code: str | None = None,
    failure_code: str | None = None,
    older_than: timedelta | None = None,
    due_only: bool = False,
    limit: int = 100,
) -> list[DeadLetter]:
    """Return letters, the one due first leading; a filter of None matches all.

    ``due_only`` keeps those whose time for a replay has come.
    """
    rows = gateway.fetch_all(
        f"""select {_COLUMNS}
             from public.iu_route_dead_letter
            where {_RESOLUTION_FILTERS[resolution]}
              and (%(route_code)s::text is null or route_code = %(route_code)s)
              and (%(failure_code)s::text is null or failure_code = %(failure_code)s)
              and (%(older_than)s::interval is null or created_at < now() - %(older_than)s::interval)
              and (not %(due_only)s::boolean or next_replay_at <= now())
            order by next_replay_at, dead_letter_id
            limit %(limit)s""",
        {
            "route_code": route_code,
            "failure_code": failure_code,
            "older_than": older_than,
            "due_only": due_only,
            "limit": limit,
        },
    )
    return [DeadLetter(**row) for row in rows]


def list_replayable(gateway: Queries, limit: int = 100) -> list[DeadLetter]:
    """Return open letters that can succeed now, the one due first leading."""
    rows = gateway.fetch_all(
        f"""select {_COLUMNS}
             from public.fn_iu_dead_letters_replayable(%s)
            order by next_replay_at, dead_letter_id""",
        (limit,),
    )
    return [DeadLetter(**row) for row in rows]


def letter(gateway: Queries, dead_letter_id: UUID) -> DeadLetter:
    """Return one letter, open or closed. Raises UnknownDeadLetter."""
    row = gateway.fetch_one(
        f"select {_COLUMNS} from public.iu_route_dead_letter where dead_letter_id = %s", (dead_letter_id,)
    )
    if row is None:
        raise UnknownDeadLetter(
            f"there is no dead letter {dead_letter_id}", hint="List the open ones with: iu replay --list"
        )
    return DeadLetter(**row)


def count_open(gateway: Queries) -> int:
    """Return how many letters are open."""
    count: int = gateway.fetch_value(
        "select count(*) from public.iu_route_dead_letter where resolution is null"
    )
    return count


def replay(gateway: Queries, dead_letter_id: UUID, run_ref: str | None = None) -> ReplayResult:
    """Try one letter again. Raises UnknownDeadLetter."""
    answer: dict[str, Any] = gateway.fetch_value(
        "select public.fn_iu_route_dead_letter_replay(%s, %s)", (dead_letter_id, run_ref)
    )
    return ReplayResult(
        status=answer["status"],
        decision=answer.get("decision"),
        resolved=answer["resolved"],
        attempt_no=answer.get("attempt_no"),
        dead_letter_id=UUID(answer["dead_letter_id"]),
    )


def discard(gateway: Queries, dead_letter_id: UUID, reason: str) -> dict[str, Any]:
    """Close one letter without trying it again. Raises UnknownDeadLetter or ArgumentInvalid."""
    answer: dict[str, Any] = gateway.fetch_value(
        "select public.fn_iu_route_dead_letter_discard(%s, %s)", (dead_letter_id, reason)
    )
    return answer

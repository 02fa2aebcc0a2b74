"""Retention: deletion of old events that every worker has read, and of their first attempts.

It is off by default (`iu_core.retention_days` is 0).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from iu_pipelines.db.queries import Queries
from iu_pipelines.db.statements import Statements
from iu_pipelines.domain import rows

_SQL: Final = Statements(__name__)

SETTING: Final = "iu_core.retention_days"
ROUND_EVENTS: Final = 5_000

RoundStatus = Literal["ran", "retention_off", "busy", "other_cluster"]
StoppedReason = Literal[
    "done", "retention_off", "busy", "other_cluster", "max_rounds", "max_seconds", "cancelled"
]


@dataclass(frozen=True)
class DomainState:
    """The state of retention in one domain.

    Retention is off if `retention_days` is 0. `overdue_days` is the number of days for which the oldest event
    has been kept longer than `retention_days`. `held_by` is the reason why it has not been deleted. `note` is
    a sentence for health, or None if nothing needs to be done.
    """

    event_domain: str
    retention_days: int
    oldest_event_id: UUID | None
    oldest_event_at: datetime | None
    overdue_days: int
    held_by: str | None
    note: str | None
    dropped_up_to_seq: int


@dataclass(frozen=True)
class Round:
    """One round: a row of `iu_retention_history`.

    `events_hash` is the SHA-256 of the ids of the deleted events.
    """

    retention_no: int
    event_domain: str
    from_seq: int
    to_seq: int
    events: int
    attempts: int
    newest_at: datetime
    events_hash: str
    retention_days: int
    reason: str
    dropped_at: datetime
    dropped_by: str


@dataclass(frozen=True)
class Limits:
    """The limits of one call of `run`.

    `round_events` is the maximum number of events of each domain that one round deletes.
    """

    max_rounds: int = 1_000
    max_seconds: float = 600.0
    round_events: int = ROUND_EVENTS


@dataclass(frozen=True)
class Outcome:
    """What a call of `run` deleted, and why it stopped.

    `held_by` contains a sentence for each domain in which something prevents the deletion of old events.
    """

    stopped_reason: StoppedReason
    rounds: int
    events: int
    attempts: int
    retention_days: int
    held_by: tuple[str, ...]


@dataclass(frozen=True)
class _Answer:
    """The result of one round. `more` is true if another round can delete events."""

    status: RoundStatus
    events: int
    attempts: int
    more: bool
    retention_days: int
    held_by: tuple[str, ...]


def run(
    gateway: Queries,
    reason: str,
    limits: Limits | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Outcome:
    """Delete due events in rounds, each in its own transaction, until none is left or a limit is reached.

    Raises:
        ArgumentInvalid: the reason is empty.
    """
    limits = limits or Limits()
    until = time.monotonic() + limits.max_seconds
    rounds = events = attempts = 0
    while True:
        answer = _round(gateway, reason, limits.round_events)
        rounds, events = rounds + 1, events + answer.events
        attempts += answer.attempts
        stopped = _stopped(answer, rounds, until, limits, should_stop)
        if stopped:
            return Outcome(stopped, rounds, events, attempts, answer.retention_days, answer.held_by)


def _round(gateway: Queries, reason: str, round_events: int) -> _Answer:
    answer = gateway.fetch_value(_SQL["run"], {"reason": reason, "round_events": round_events})
    return rows.read(_Answer, answer)


def _stopped(
    answer: _Answer,
    rounds: int,
    until: float,
    limits: Limits,
    should_stop: Callable[[], bool] | None,
) -> StoppedReason | None:
    if answer.status != "ran":
        return answer.status
    if not answer.more:
        return "done"
    if should_stop and should_stop():
        return "cancelled"
    if rounds >= limits.max_rounds:
        return "max_rounds"
    return "max_seconds" if time.monotonic() >= until else None


def states(gateway: Queries) -> list[DomainState]:
    """Return the state of retention in each domain that has a worker."""
    return [rows.read(DomainState, row["answer"]) for row in gateway.fetch_all(_SQL["states"])]


def history(gateway: Queries, limit: int = 20) -> list[Round]:
    """Return up to `limit` rounds, newest first."""
    return [rows.read(Round, row) for row in gateway.fetch_all(_SQL["history"], {"max_rows": limit})]

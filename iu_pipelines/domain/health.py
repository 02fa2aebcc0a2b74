"""The health report of a worker: whether it makes progress."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from iu_pipelines.db.queries import Queries
from iu_pipelines.db.statements import Statements
from iu_pipelines.domain import rows
from iu_pipelines.domain.worker import DEFAULT_WORKER

_SQL: Final = Statements(__name__)


@dataclass(frozen=True)
class HealthReport:
    """The health report of one worker.

    `backlog` is a lower bound if `backlog_capped` is true, and `dead_letter_open` is one if
    `dead_letter_open_capped` is true.
    """

    healthy: Annotated[bool, "whether the worker makes progress; a closed gate is not a fault"]
    reasons: Annotated[
        tuple[str, ...],
        "why the worker is unhealthy, and notes on closed gates, dead letters, retention and domains "
        "without a reader",
    ]
    worker_name: Annotated[str, "the worker"]
    worker_gate_open: Annotated[bool, "whether the worker gate is open"]
    master_gate_open: Annotated[bool, "whether the master gate, which stops workers and replays, is open"]
    delivery_gate_open: Annotated[bool, "whether the delivery gate is open"]
    live_routes: Annotated[tuple[str, ...], "the routes in iu_core.delivery_live_routes"]
    backlog: Annotated[int, "unread events; exact up to 10,000; a lower bound while the worker raises IU501"]
    backlog_capped: Annotated[bool, "whether there are more unread events than backlog"]
    backlog_oldest_seconds: Annotated[float | None, "how long the oldest unread event has waited"]
    attempts_in_audit: Annotated[int, "number of attempts of all workers"]
    failed_attempts: Annotated[int, "number of failed attempts of all workers"]
    delivered_sent: Annotated[int, "what was sent, by modules that deliver; 0 without such a module"]
    dead_letter_open: Annotated[int, "number of open dead letters; exact up to 10,000"]
    dead_letter_open_capped: Annotated[bool, "whether more dead letters are open"]
    last_run_at: Annotated[datetime | None, "when the worker last ran"]
    last_progress_at: Annotated[datetime | None, "when the worker last read an event"]
    cursor_event_id: Annotated[UUID | None, "the newest event that the worker has read"]
    cursor_created_at: Annotated[datetime | None, "when that event was emitted"]


@dataclass(frozen=True)
class UnreadDomain:
    """A domain that no worker in use reads, although it has enabled event types or unread events.

    `unread_events` is a lower bound if `unread_events_capped` is true.
    """

    event_domain: str
    event_types: int
    unread_events: int
    unread_events_capped: bool


@dataclass(frozen=True)
class SentTally:
    """What was sent, in all and without a valid promotion.

    `modules` is the number of modules that can send.
    """

    modules: int
    sent: int
    unpromoted: int


def read(gateway: Queries, worker_name: str = DEFAULT_WORKER) -> HealthReport:
    """Return the health report of a worker. Its cost does not depend on the size of the tables.

    Raises:
        ArgumentInvalid: the name is not valid.
    """
    answer = gateway.fetch_value(_SQL["read"], {"worker_name": worker_name})
    return rows.read(HealthReport, answer)


def unread_domains(gateway: Queries) -> list[UnreadDomain]:
    """Return the domains without a reader, at most ten, those with event types first."""
    return [rows.read(UnreadDomain, row) for row in gateway.fetch_all(_SQL["unread_domains"])]


def sent_tally(gateway: Queries) -> SentTally:
    """Return what was sent."""
    return rows.read(SentTally, gateway.fetch_all(_SQL["sent_tally"])[0])


def at_least(number: int, *, capped: bool) -> str:
    """Return `number` as text, followed by "or more" if it is a lower bound."""
    return f"{number:,} or more" if capped else f"{number:,}"

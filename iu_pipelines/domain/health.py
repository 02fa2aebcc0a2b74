"""Health of one worker: whether it makes progress. The cost does not grow with the tables."""

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
    """The health report.

    `backlog` and `dead_letter_open` are lower bounds if the field with `_capped` is true.
    """

    healthy: Annotated[bool, "whether the worker makes progress; a closed gate is not a fault"]
    reasons: Annotated[tuple[str, ...], "why the worker is unhealthy; closed gates and open dead letters"]
    worker_name: Annotated[str, "the worker"]
    worker_gate_open: Annotated[bool, "whether workers may run"]
    master_gate_open: Annotated[bool, "whether runs and replays are allowed"]
    delivery_gate_open: Annotated[bool, "whether delivery is allowed"]
    live_routes: Annotated[tuple[str, ...], "routes that may deliver"]
    backlog: Annotated[int, "unread events; exact up to 10,000, a lower bound while runs raise IU501"]
    backlog_capped: Annotated[bool, "whether there are more"]
    backlog_oldest_seconds: Annotated[float | None, "how long the oldest unread event has waited"]
    attempts_in_audit: Annotated[int, "attempts of all workers"]
    failed_attempts: Annotated[int, "failed attempts of all workers"]
    delivered_sent: Annotated[int, "attempts that delivered; always 0"]
    dead_letter_open: Annotated[int, "open dead letters; exact up to 10,000"]
    dead_letter_open_capped: Annotated[bool, "whether there are more"]
    last_run_at: Annotated[datetime | None, "when the worker last ran"]
    last_progress_at: Annotated[datetime | None, "when the worker last read an event"]
    cursor_event_id: Annotated[UUID | None, "the newest event that the worker has read"]
    cursor_created_at: Annotated[datetime | None, "when that event was emitted"]


def read(gateway: Queries, worker_name: str = DEFAULT_WORKER) -> HealthReport:
    """Return the health report of a worker.

    Raises:
        ArgumentInvalid: the name is not valid.
    """
    answer = gateway.fetch_value(_SQL["read"], {"worker_name": worker_name})
    return rows.read(HealthReport, answer)


def at_least(number: int, *, capped: bool) -> str:
    """Return a count as text, with "or more" if counting stopped there."""
    return f"{number:,} or more" if capped else f"{number:,}"

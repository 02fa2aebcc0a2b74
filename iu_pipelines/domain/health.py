"""Health of one worker, as the database judges it: progress, not liveness.

Stands on `fn_iu_route_worker_health`, whose cost does not grow with the tables.
"""

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
    """The report, key for key.

    `backlog` and `dead_letter_open` are lower bounds where the key with `_capped` is true.
    """

    healthy: Annotated[bool, "whether the worker makes progress; a closed gate is a state and no fault"]
    reasons: Annotated[tuple[str, ...], "why not, and what is held"]
    worker_name: Annotated[str, "the consumer"]
    worker_gate_open: Annotated[bool, "may the worker run"]
    master_gate_open: Annotated[bool, "may anything run"]
    delivery_gate_open: Annotated[bool, "may anything be delivered"]
    live_routes: Annotated[tuple[str, ...], "routes that may deliver"]
    backlog: Annotated[int, "events waiting; exact up to 10,000, a lower bound while IU501 refuses runs"]
    backlog_capped: Annotated[bool, "whether there are more"]
    backlog_oldest_seconds: Annotated[float | None, "how long the oldest has waited"]
    attempts_in_audit: Annotated[int, "rows of the audit"]
    failed_attempts: Annotated[int, "attempts that failed"]
    delivered_sent: Annotated[int, "attempts that delivered; always 0"]
    dead_letter_open: Annotated[int, "letters that wait for somebody; exact up to 10,000"]
    dead_letter_open_capped: Annotated[bool, "whether there are more"]
    last_run_at: Annotated[datetime | None, "when the worker last ran"]
    last_progress_at: Annotated[datetime | None, "when it last read an event"]
    cursor_event_id: Annotated[UUID | None, "the newest event that the worker has read"]
    cursor_created_at: Annotated[datetime | None, "when that event was made"]


def read(gateway: Queries, worker_name: str = DEFAULT_WORKER) -> HealthReport:
    """Return the health of `worker_name`. Raises ArgumentInvalid."""
    answer = gateway.fetch_value(_SQL["read"], {"worker_name": worker_name})
    return rows.read(HealthReport, answer)


def at_least(number: int, *, capped: bool) -> str:
    """Return a count in words, or where counting stopped at it the words for as many or more."""
    return f"{number:,} or more" if capped else f"{number:,}"

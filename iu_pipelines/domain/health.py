"""Health of one worker, as the database judges it: progress, not liveness.

Stands on ``fn_iu_route_worker_health``, whose cost does not grow with the tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from iu_pipelines.db.queries import Queries
from iu_pipelines.domain.values import optional_time, optional_uuid
from iu_pipelines.domain.worker import DEFAULT_WORKER


@dataclass(frozen=True)
class HealthReport:
    """The report, key for key.

    ``backlog`` and ``dead_letter_open`` are lower bounds where their ``…_capped`` is true.
    """

    healthy: bool
    reasons: tuple[str, ...]
    worker_name: str
    worker_gate_open: bool
    master_gate_open: bool
    delivery_gate_open: bool
    live_routes: tuple[str, ...]
    backlog: int
    backlog_capped: bool
    backlog_oldest_seconds: float | None
    attempts_in_audit: int
    failed_attempts: int
    delivered_sent: int
    dead_letter_open: int
    dead_letter_open_capped: bool
    last_run_at: datetime | None
    last_progress_at: datetime | None
    cursor_event_id: UUID | None
    cursor_created_at: datetime | None


def read(gateway: Queries, worker_name: str = DEFAULT_WORKER) -> HealthReport:
    """Return the health of *worker_name*. Raises ArgumentInvalid."""
    answer: dict[str, Any] = gateway.fetch_value(
        "select public.fn_iu_route_worker_health(%s)", (worker_name,)
    )
    return HealthReport(
        healthy=answer["healthy"],
        reasons=tuple(answer["reasons"]),
        worker_name=answer["worker_name"],
        worker_gate_open=answer["worker_gate_open"],
        master_gate_open=answer["master_gate_open"],
        delivery_gate_open=answer["delivery_gate_open"],
        live_routes=tuple(answer["live_routes"]),
        backlog=answer["backlog"],
        backlog_capped=answer.get("backlog_capped", False),
        backlog_oldest_seconds=answer["backlog_oldest_seconds"],
        attempts_in_audit=answer["attempts_in_audit"],
        failed_attempts=answer["failed_attempts"],
        delivered_sent=answer["delivered_sent"],
        dead_letter_open=answer["dead_letter_open"],
        dead_letter_open_capped=answer["dead_letter_open_capped"],
        last_run_at=optional_time(answer["last_run_at"]),
        last_progress_at=optional_time(answer["last_progress_at"]),
        cursor_event_id=optional_uuid(answer["cursor_event_id"]),
        cursor_created_at=optional_time(answer["cursor_created_at"]),
    )

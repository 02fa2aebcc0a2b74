"""Notices: what `Mount.notify` and the webhook of `IU_NOTIFY_URL` receive."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Kind = Literal["run_failed", "check_failed", "worker_unhealthy", "dead_letter_gave_up", "promotion_ends"]


@dataclass(frozen=True)
class Notice:
    """One thing that somebody should look at."""

    kind: Kind
    """What happened."""
    outbox: str
    """The name of the mount."""
    subject: str
    """The job, check, workers, dead letter or routes."""
    message: str
    """One line of at most 500 characters, without secrets."""
    run_id: str | None
    """The run in Dagster, if there is one."""
    happened_at: datetime
    """When it happened, in UTC."""

"""Notices: what `Mount.notify` and the webhook of `IU_NOTIFY_URL` receive."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Kind = Literal["run_failed", "check_failed", "worker_unhealthy", "dead_letter_gave_up", "promotion_ends"]


@dataclass(frozen=True)
class Notice:
    """One thing that somebody should look at.

    `outbox` is the name of the mount, `subject` the job, check, worker, dead letter or route, `message` one
    line without secrets, and `run_id` the run in Dagster, if there is one.
    """

    kind: Kind
    outbox: str
    subject: str
    message: str
    run_id: str | None
    happened_at: datetime

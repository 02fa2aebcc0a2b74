"""Private names of Dagster. Only this module imports them, so a new release of Dagster affects one module.

No public name does the same. `capture_interrupts` defers a cancellation to the end of a batch.
`get_smallest_cron_interval` bounds the freshness of a report. A run in this process needs the origin that the
web server gives to a job.
"""

from __future__ import annotations

from dagster._core.definitions.reconstruct import ReconstructableRepository
from dagster._core.execution.api import execute_run
from dagster._core.instance.ref import InstanceRef
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._utils.interrupts import capture_interrupts, check_captured_interrupt
from dagster._utils.schedules import get_smallest_cron_interval

__all__ = [
    "InstanceRef",
    "ReconstructableRepository",
    "RegisteredCodeLocationOrigin",
    "RemoteJobOrigin",
    "RemoteRepositoryOrigin",
    "capture_interrupts",
    "check_captured_interrupt",
    "execute_run",
    "get_smallest_cron_interval",
]

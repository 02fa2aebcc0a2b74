"""Private names of Dagster. Only this module imports them, so a new release of Dagster affects one module.

No public name does the same. `capture_interrupts` defers a cancellation to the end of a batch. The functions
about crons check an expression before a code location loads. A run in this process needs the origin that the
web server gives to a job. Old events without a run can only be deleted in the table of Dagster's event log.
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
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._utils.interrupts import capture_interrupts, check_captured_interrupt
from dagster._utils.schedules import get_smallest_cron_interval, is_valid_cron_string

__all__ = [
    "InstanceRef",
    "ReconstructableRepository",
    "RegisteredCodeLocationOrigin",
    "RemoteJobOrigin",
    "RemoteRepositoryOrigin",
    "SqlEventLogStorage",
    "SqlEventLogStorageTable",
    "capture_interrupts",
    "check_captured_interrupt",
    "execute_run",
    "get_smallest_cron_interval",
    "is_valid_cron_string",
]

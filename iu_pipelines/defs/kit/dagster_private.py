"""Dagster's private names, imported here and nowhere else: a new release of Dagster touches one module.

Each name is here because no public one does the same: interrupts are caught between two batches; crons are
judged before a code location loads; a run in this process needs the origin that the web server gives to a
job; old events that belong to no run can only be deleted in the table that holds them.
"""

from __future__ import annotations

from dagster._core.definitions.reconstruct import ReconstructableRepository
from dagster._core.execution.api import execute_run
from dagster._core.instance.ref import InstanceRef
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._utils.interrupts import capture_interrupts, check_captured_interrupt
from dagster._utils.schedules import get_smallest_cron_interval, is_valid_cron_string

__all__ = [
    "InstanceRef",
    "LoadableTargetOrigin",
    "ManagedGrpcPythonEnvCodeLocationOrigin",
    "ReconstructableRepository",
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

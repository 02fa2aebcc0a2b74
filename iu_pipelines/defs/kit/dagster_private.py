"""Private names of Dagster, which exist in the oldest and the newest train (decision 028).

Only this module imports them, so a new release of Dagster affects one module. A code location that mounts an
outbox uses one of them: `get_smallest_cron_interval`, the bound that `FreshnessPolicy.cron` requires. The
others are for a run in the process of an `iu` command, which needs the origin that the web server gives to a
job.
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
from dagster._utils.schedules import get_smallest_cron_interval

__all__ = [
    "InstanceRef",
    "ReconstructableRepository",
    "RegisteredCodeLocationOrigin",
    "RemoteJobOrigin",
    "RemoteRepositoryOrigin",
    "execute_run",
    "get_smallest_cron_interval",
]

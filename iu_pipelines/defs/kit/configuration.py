"""Where one outbox hangs in a Dagster code location: its names, workers, schedules and starting states."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final

import dagster as dg

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.defs.kit.dagster_private import is_valid_cron_string
from iu_pipelines.domain.worker import DEFAULT_WORKER
from iu_pipelines.errors import UsageError

OWNER: Final = "team:iu-core"

UNFINISHED: Final = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)

OBSERVERS: Final = frozenset({"health_audit_schedule", "run_failure_sensor"})
"""What starts RUNNING by default: it reads, and invokes no worker."""

SCHEDULES: Final = ("route_worker_schedule", "health_audit_schedule", "prune_schedule", "retention_schedule")
SENSORS: Final = ("backlog_sensor", "dead_letter_replay_sensor", "run_failure_sensor")

WORKER_NAME_PATTERN: Final = r"^[A-Za-z0-9_.:-]{1,100}$"
_NAME_PATTERN: Final = r"[a-z][a-z0-9_]{0,40}"


@dataclass(frozen=True)
class Mount:
    """One outbox in a code location.

    ``name`` is empty for the only outbox of a location; otherwise it leads every asset key, job,
    schedule and sensor, so that several fit beside one another. ``running`` names the schedules and
    sensors that start switched on. Ages and intervals are seconds.
    """

    name: str = ""
    workers: tuple[str, ...] = (DEFAULT_WORKER,)
    backlog_threshold: int = 1000
    backlog_age_seconds: float = 10.0
    sensor_interval_seconds: int = 5
    route_worker_cron: str = "*/5 * * * *"
    health_audit_cron: str = "*/15 * * * *"
    prune_cron: str = "17 3 * * *"
    retention_cron: str = "47 3 * * *"
    running: frozenset[str] = OBSERVERS

    def __post_init__(self) -> None:
        """Refuse what could not work. Raises UsageError with the field and the reason."""
        if self.name and not re.fullmatch(_NAME_PATTERN, self.name):
            raise _refused("name", self.name, "up to 41 lowercase letters, digits and _, a letter first")
        if not self.workers or len(set(self.workers)) < len(self.workers):
            raise _refused("workers", self.workers, "one worker or more, each named once")
        for worker in self.workers:
            if not re.match(WORKER_NAME_PATTERN, worker):
                raise _refused("workers", worker, "1 to 100 letters, digits, or _ . : -")
        crons = (self.route_worker_cron, self.health_audit_cron, self.prune_cron, self.retention_cron)
        for cron in crons:
            if not is_valid_cron_string(cron):
                raise _refused("cron", cron, "five fields: minute, hour, day, month, weekday")
        unknown = sorted(self.running - {*SCHEDULES, *SENSORS})
        if unknown:
            raise _refused("running", unknown[0], f"one of {', '.join((*SCHEDULES, *SENSORS))}")

    @property
    def resource_key(self) -> str:
        """The key of the resource that opens this outbox."""
        return self.named("gateway")

    @property
    def group(self) -> str:
        """The asset group."""
        return self.name or "iu_core"

    @property
    def requires(self) -> set[str]:
        """The resources that every definition of this outbox needs."""
        return {self.resource_key}

    def named(self, name: str) -> str:
        """Return the name of a job, schedule, sensor or resource of this outbox."""
        return f"{self.name}_{name}" if self.name else name

    def key(self, asset: str) -> dg.AssetKey:
        """Return the key of an asset of this outbox."""
        return dg.AssetKey([self.name, asset] if self.name else [asset])

    def tag(self, value: str) -> str:
        """Return a run tag's value that no other outbox has."""
        return f"{self.name}/{value}" if self.name else value

    def open(self, resources: object) -> AbstractContextManager[Gateway]:
        """Open this outbox from the resources of a context. Raises ConnectionFailed only when it is used."""
        connection: AbstractContextManager[Gateway] = getattr(resources, self.resource_key).open()
        return connection

    def schedule_status(self, name: str) -> dg.DefaultScheduleStatus:
        """Return whether a schedule starts switched on."""
        return dg.DefaultScheduleStatus.RUNNING if name in self.running else dg.DefaultScheduleStatus.STOPPED

    def sensor_status(self, name: str) -> dg.DefaultSensorStatus:
        """Return whether a sensor starts switched on."""
        return dg.DefaultSensorStatus.RUNNING if name in self.running else dg.DefaultSensorStatus.STOPPED


def _refused(field: str, value: object, expected: str) -> UsageError:
    return UsageError(f"{field} = {value!r} is refused", hint=f"give {expected}")


def unfinished_run(instance: dg.DagsterInstance, tags: dict[str, str]) -> str | None:
    """Return the id of a queued or started run with *tags*, or None."""
    runs: Sequence[dg.DagsterRun] = instance.get_runs(
        dg.RunsFilter(statuses=list(UNFINISHED), tags=tags), limit=1
    )
    return runs[0].run_id if runs else None

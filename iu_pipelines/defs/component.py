"""A `dg` component: mount one or more outboxes into a code location from YAML."""

from collections.abc import Sequence
from typing import Final

import dagster as dg
from pydantic import Field

from iu_pipelines.defs.factory import build_defs
from iu_pipelines.defs.kit.configuration import OBSERVERS, Mount
from iu_pipelines.defs.kit.resources import GatewayResource
from iu_pipelines.domain.worker import DEFAULT_WORKER
from iu_pipelines.errors import UsageError

_DEFAULT: Final = Mount()


class OutboxModel(dg.Resolvable, dg.Model):
    """One outbox: where its database is, who reads it, and what runs by itself."""

    database_url_variable: str = Field(
        description="The environment variable that holds the postgresql:// URL; read when something runs.",
    )
    name: str = Field(
        default=_DEFAULT.name,
        description="Leads every asset key, job, schedule and sensor. May be left out for a single outbox.",
    )
    workers: Sequence[str] = Field(
        default=(DEFAULT_WORKER,), description="The consumers, each with a cursor."
    )
    backlog_threshold: int = Field(
        default=_DEFAULT.backlog_threshold,
        ge=1,
        description="backlog_sensor runs a worker with so many events.",
    )
    backlog_age_seconds: float = Field(
        default=_DEFAULT.backlog_age_seconds, gt=0, description="… or with an event that has waited so long."
    )
    sensor_interval_seconds: int = Field(
        default=_DEFAULT.sensor_interval_seconds, ge=5, description="How often the sensors look, at least."
    )
    route_worker_cron: str = Field(default=_DEFAULT.route_worker_cron, description="When the workers run.")
    health_audit_cron: str = Field(default=_DEFAULT.health_audit_cron, description="When health is audited.")
    prune_cron: str = Field(default=_DEFAULT.prune_cron, description="When Dagster's history is pruned.")
    retention_cron: str = Field(default=_DEFAULT.retention_cron, description="When old events are dropped.")
    running: Sequence[str] = Field(
        default=tuple(sorted(OBSERVERS)),
        description="Schedules and sensors that start switched on; by default none that invokes a worker.",
    )

    def build_defs(self) -> dg.Definitions:
        """Return the definitions of this outbox."""
        settings = self.model_dump(exclude={"database_url_variable", "workers", "running"})
        mount = Mount(workers=tuple(self.workers), running=frozenset(self.running), **settings)
        gateway = GatewayResource(database_url=dg.EnvVar(self.database_url_variable))
        return build_defs(mount, resources={mount.resource_key: gateway})


class OutboxComponent(dg.Component, dg.Resolvable, dg.Model):
    """Mount outboxes: their assets, checks, jobs, schedules and sensors."""

    outboxes: Sequence[OutboxModel] = Field(
        min_length=1, description="The outboxes, each under a name of its own."
    )

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Return the definitions of every outbox, merged. Raises UsageError where two have the same name."""
        names = [outbox.name for outbox in self.outboxes]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise UsageError(
                f"two outboxes have the name {twice[0]!r}", hint="give each outbox a `name` of its own"
            )
        return dg.Definitions.merge(*(outbox.build_defs() for outbox in self.outboxes))

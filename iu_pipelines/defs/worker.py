"""The route worker: the asset of attempts, and the job, schedule and sensor that run the worker.

Each worker of the outbox is a partition of the asset. A run executes the batches of one worker in a loop, and
ends with one materialization of its partition.
"""

import math
from collections.abc import Mapping
from enum import Enum
from functools import cache
from typing import Any, Final

import dagster as dg
from pydantic import Field, create_model

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.defs.batches import reported, summary_metadata
from iu_pipelines.defs.gates import GATES
from iu_pipelines.defs.kit import checks, tags
from iu_pipelines.defs.kit.asset_metadata import metadata
from iu_pipelines.defs.kit.cancellation import deferred_cancellation, is_cancelled
from iu_pipelines.defs.kit.checks import Check
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.configured_asset import configured_asset, node_name
from iu_pipelines.defs.kit.runs import earlier_run
from iu_pipelines.defs.kit.sources import DATA_VERSION, input_versions, version_of
from iu_pipelines.defs.kit.validated_config import choice
from iu_pipelines.defs.outbox import OUTBOX
from iu_pipelines.defs.routes import ROUTES
from iu_pipelines.defs.worker_requests import schedule, sensor
from iu_pipelines.domain import attempts, deliveries, health, worker
from iu_pipelines.domain.attempts import Attempt
from iu_pipelines.domain.health import HealthReport
from iu_pipelines.domain.worker import Drain, RunLimits
from iu_pipelines.errors import UsageError

MAX_BATCHES: Final = 100_000
_GRACE_SECONDS: Final = 180
_ATTEMPTS: Final = "iu_route_attempt"
_DELIVERIES_CHECKED: Final = 10_000
_SOURCES: Final = (GATES, ROUTES, OUTBOX)


class RouteWorkerConfig(dg.Config):
    """The configuration of one run of the worker. After each batch, the run ends if a limit is reached.

    `config_class` adds the field `worker_name`, whose values are the workers of a mount.
    """

    batch_limit: int = Field(
        default=1000,
        ge=1,
        le=100_000,
        description="Maximum number of events in a batch, 1 to 100,000. A batch is one transaction.",
    )
    max_batches: int = Field(
        default=10_000,
        ge=1,
        le=MAX_BATCHES,
        description="Stop after this many batches, 1 to 100,000.",
    )
    max_seconds: float = Field(
        default=300.0, gt=0, le=86_400, description="Start no batch after this many seconds, up to 86,400."
    )
    linger_seconds: float = Field(
        default=0.0,
        ge=0,
        le=3_600,
        description="When no event is left, poll for new events every 100 ms for this many seconds, "
        "up to 3,600. 0: stop immediately.",
    )

    def limits(self) -> RunLimits:
        """Return the limits of the run."""
        return RunLimits(self.batch_limit, self.max_batches, self.max_seconds, self.linger_seconds)

    def worker(self) -> str | None:
        """Return the worker that the config names, or None."""
        named = getattr(self, "worker_name", None)
        return str(named.value) if isinstance(named, Enum) else None


def config_class(mount: Mount) -> type[RouteWorkerConfig]:
    """Return the config class with the field `worker_name`, which accepts only the workers of `mount`."""
    return _config_class(mount.workers)


@cache
def _config_class(workers: tuple[str, ...]) -> type[RouteWorkerConfig]:
    names = choice("Worker", workers)
    described = Field(
        default=None,
        description="The worker. Without it: the worker of the selected partition, or else the first one.",
    )
    made: type[RouteWorkerConfig] = create_model(
        "MountedRouteWorkerConfig", __base__=RouteWorkerConfig, worker_name=(names | None, described)
    )
    return made


def run_config(mount: Mount, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the run config, as the launchpad has it, in which the config of the worker is `values`."""
    return {"ops": {node_name(mount.key(_ATTEMPTS)): {"config": dict(values)}}}


def definitions(mount: Mount) -> dg.Definitions:
    """Return the asset of attempts and its check, and the job, schedule and sensor that run the worker."""
    attempt_log, conservation = asset(mount), checks.definition(mount, CONSERVATION)
    route_worker_job = job(mount, attempt_log, conservation)
    return dg.Definitions(
        assets=[attempt_log],
        asset_checks=[conservation],
        jobs=[route_worker_job],
        schedules=[schedule(mount, route_worker_job)],
        sensors=[sensor(mount, route_worker_job)],
    )


def asset(mount: Mount) -> dg.AssetsDefinition:
    """Return the asset of attempts, with a partition for each worker. Materializing one runs that worker."""
    spec = dg.AssetSpec(
        mount.key(_ATTEMPTS),
        deps=[mount.key(source.table) for source in _SOURCES],
        description=(
            "The append-only audit: one row for each attempt for an event and a route. Materializing a "
            "partition runs its route worker in batches until no event is left or a limit is reached."
        ),
        metadata=metadata(
            _ATTEMPTS,
            Attempt,
            "objects/worker/fn_iu_route_worker_run.sql",
            "objects/attempts/fn_iu_attempts_write.sql",
            "runtime/050_worker.sql",
        ),
        partitions_def=dg.StaticPartitionsDefinition(list(mount.workers)),
        group_name=mount.group,
        owners=mount.owners,
        kinds=set(mount.kinds),
    )

    def run_worker(
        context: dg.OpExecutionContext, gateway: Gateway, config: RouteWorkerConfig
    ) -> dg.MaterializeResult[Any]:
        name = _worker_of(context, mount, config)
        context.instance.add_run_tags(context.run.run_id, _tags(mount, name, config.max_seconds))
        busy = earlier_run(context.instance, context.run.run_id, {tags.WORKER: mount.tag(name)})
        return _route(context, gateway, mount, name, config.limits(), busy)

    return configured_asset(mount, spec, "run_route_worker", config_class(mount), run_worker)


def _worker_of(context: dg.OpExecutionContext, mount: Mount, config: RouteWorkerConfig) -> str:
    """Return the worker that the partition or the config names, or else the first one of the mount."""
    named = config.worker()
    selected = context.partition_key if context.has_partition_key else None
    if selected and named and named != selected:
        raise UsageError(
            f"worker_name is {named!r}, but the selected partition is {selected!r}",
            hint="Remove worker_name from the config, or select its partition.",
        )
    return selected or named or mount.workers[0]


def _tags(mount: Mount, worker_name: str, max_seconds: float) -> dict[str, str]:
    """Return the run tags: the worker, and the runtime in seconds after which Dagster fails the run."""
    seconds = math.ceil(max_seconds) + _GRACE_SECONDS
    return {tags.WORKER: mount.tag(worker_name), dg.MAX_RUNTIME_SECONDS_TAG: str(seconds)}


def _route(
    context: dg.OpExecutionContext,
    gateway: Gateway,
    mount: Mount,
    worker_name: str,
    limits: RunLimits,
    busy: str | None,
) -> dg.MaterializeResult[Any]:
    before = health.read(gateway, worker_name)
    run = worker.drain(gateway, worker_name, limits, context.run.run_id, should_stop=is_cancelled)
    if busy is None:
        _drain(context, gateway, mount, run)
    else:
        run.stopped_reason = "worker_busy"
    _log_end(context, run, busy)
    made = _materialization(context, gateway, mount, run, before)
    if run.stopped_reason == "cancelled":
        context.log_event(
            dg.AssetMaterialization(
                mount.key(_ATTEMPTS), metadata=made.metadata, partition=worker_name, tags=made.tags
            )
        )
        raise dg.DagsterExecutionInterruptedError
    return made


def _drain(context: dg.OpExecutionContext, gateway: Gateway, mount: Mount, run: Drain) -> None:
    """Run the worker. A cancellation is deferred: the worker checks for one after each batch."""
    with (
        deferred_cancellation(),
        reported(context, gateway, mount, run.worker_name) as report,
    ):
        for result in run:
            report.add(result)


def _log_end(context: dg.OpExecutionContext, run: Drain, busy: str | None) -> None:
    """Log why the run ended, as a warning if another one prevents it."""
    if run.stopped_reason != "worker_busy":
        context.log.info(
            "%s stopped: %s; %s batches, %s events",
            run.worker_name, run.stopped_reason or "cancelled", run.batches, run.seen,
        )  # fmt: skip
        return
    holder = f"run {busy} executes it" if busy else "another invocation holds its cursor"
    context.log.warning("worker_busy: %s: %s; this run ends, and no event is lost", run.worker_name, holder)


def _materialization(
    context: dg.OpExecutionContext, gateway: Gateway, mount: Mount, run: Drain, before: HealthReport
) -> dg.MaterializeResult[Any]:
    """Observe the sources and return the summary, with the versions of the sources that the run has read.

    The outbox is observed before the backlog is read. So if nothing waits, everything observed was read.
    """
    seen = [source.observation(gateway, mount) for source in _SOURCES]
    after = health.read(gateway, run.worker_name)
    for observation in seen:
        context.log_event(observation)
    position = str(after.cursor_event_id or "beginning")
    read = {one.asset_key: version_of(one) for one in seen}
    if after.backlog:
        read[mount.key(OUTBOX.table)] = position
    return dg.MaterializeResult(
        metadata=summary_metadata(gateway, run, before, after),
        tags={**input_versions(read), DATA_VERSION: position},
    )


def _conservation(gateway: Gateway, mount: Mount) -> tuple[bool, dict[str, Any]]:
    found = [attempts.conservation(gateway, name) for name in mount.workers]
    missing = sum(one.events_unattempted for one in found)
    differing = sum(one.batches_differing for one in found)
    metadata: dict[str, Any] = {
        "events_unattempted": missing,
        "batches_checked": sum(one.batches_checked for one in found),
        "batches_differing": differing,
    }
    if not deliveries.is_installed(gateway):
        return not missing and not differing, metadata
    fault = deliveries.misfit(gateway, _DELIVERIES_CHECKED)
    return not missing and not differing and not fault, {**metadata, "deliveries": fault or "fit"}


CONSERVATION: Final = Check(
    name="conservation",
    asset=_ATTEMPTS,
    description=(
        "Every event that a worker has read has an attempt, and each batch has as many attempts as its "
        "row in iu_route_batch says. Each event is in one state on "
        "each live route. Only the newest events and batches are checked, at a bounded cost."
    ),
    ask=_conservation,
    blocking=True,
)


def job(mount: Mount, attempt_log: dg.AssetsDefinition, conservation: dg.AssetChecksDefinition) -> Any:
    """Return the job that runs the worker and then checks `conservation`."""
    return dg.define_asset_job(
        mount.named("route_worker_job"),
        selection=dg.AssetSelection.assets(attempt_log).without_checks()
        | dg.AssetSelection.checks(conservation),
        description="Run the route worker in batches until no event is left or a limit is reached.",
        executor_def=mount.executor,
    )

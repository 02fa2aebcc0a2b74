"""The route worker: the asset of attempts, and the job, schedule and sensor that run the worker.

A run executes batches in a loop, reports each as a materialization, and reports a summary at the end.
"""

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import dagster as dg
from pydantic import Field
from pydantic.fields import FieldInfo

from iu_pipelines.db.queries import Queries
from iu_pipelines.defs.batch_metadata import batch_metadata, summary_metadata
from iu_pipelines.defs.kit import tags
from iu_pipelines.defs.kit.asset_metadata import KINDS, metadata
from iu_pipelines.defs.kit.configuration import OWNER, WORKER_NAME_PATTERN, Mount
from iu_pipelines.defs.kit.dagster_private import capture_interrupts, check_captured_interrupt
from iu_pipelines.defs.kit.runs import unfinished_run
from iu_pipelines.defs.kit.step_errors import one_clear_line, skipped
from iu_pipelines.defs.kit.validated_config import validated
from iu_pipelines.defs.outbox import observation
from iu_pipelines.domain import attempts, health, worker
from iu_pipelines.domain.attempts import Attempt
from iu_pipelines.domain.health import HealthReport
from iu_pipelines.domain.worker import DEFAULT_WORKER, Drain, RunLimits
from iu_pipelines.errors import IuError

MAX_BATCHES: Final = 200
_GRACE_SECONDS: Final = 180


class RouteWorkerConfig(dg.Config):
    """The configuration of one run of the worker. After each batch, the run ends if a limit is reached."""

    worker_name: str = Field(
        default=DEFAULT_WORKER,
        pattern=WORKER_NAME_PATTERN,
        description="The name of the worker: 1 to 100 letters, digits, or _ . : -",
    )
    batch_limit: int = Field(
        default=1000,
        ge=1,
        le=100_000,
        description="Maximum number of events in a batch, 1 to 100,000. A batch is one transaction.",
    )
    max_batches: int = Field(
        default=MAX_BATCHES,
        ge=1,
        le=MAX_BATCHES,
        description="Stop after this many batches, 1 to 200.",
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


def definitions(mount: Mount) -> dg.Definitions:
    """Return the asset of attempts and its check, and the job, schedule and sensor that run the worker."""
    attempt_log, conservation = asset(mount), check(mount)
    route_worker_job = job(mount, attempt_log, conservation)
    return dg.Definitions(
        assets=[attempt_log],
        asset_checks=[conservation],
        jobs=[route_worker_job],
        schedules=[schedule(mount, route_worker_job)],
        sensors=[sensor(mount, route_worker_job)],
    )


def asset(mount: Mount) -> dg.AssetsDefinition:
    """Return the asset of attempts. Materializing it runs the worker."""

    @dg.asset(
        key=mount.key("iu_route_attempt"),
        deps=[mount.key("event_outbox")],
        required_resource_keys=mount.requires,
        description=(
            "The append-only audit: one row for each attempt for an event and a route. Materializing this "
            "asset runs the route worker in batches until no event is left or a limit is reached."
        ),
        metadata=metadata(
            "iu_route_attempt",
            Attempt,
            "objects/worker/fn_iu_route_worker_run.sql",
            "objects/attempts/fn_iu_attempts_write.sql",
            "runtime/050_worker.sql",
        ),
        group_name=mount.group,
        owners=[OWNER],
        kinds=KINDS,
    )
    def iu_route_attempt(
        context: dg.AssetExecutionContext, config: RouteWorkerConfig
    ) -> dg.MaterializeResult:  # type: ignore[type-arg]
        context.instance.add_run_tags(context.run.run_id, _tags(mount, config))
        with one_clear_line(), mount.open(context.resources) as gateway:
            return _route(context, gateway, mount, config)

    return iu_route_attempt


def _tags(mount: Mount, config: RouteWorkerConfig) -> dict[str, str]:
    """Return the run tags: the worker, and the runtime in seconds after which Dagster fails the run."""
    seconds = math.ceil(config.max_seconds) + _GRACE_SECONDS
    return {tags.WORKER: mount.tag(config.worker_name), dg.MAX_RUNTIME_SECONDS_TAG: str(seconds)}


def _route(
    context: dg.AssetExecutionContext, gateway: Queries, mount: Mount, config: RouteWorkerConfig
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    before = health.read(gateway, config.worker_name)
    with _deferred_cancellation():
        run = worker.drain(
            gateway,
            config.worker_name,
            config.limits(),
            context.run.run_id,
            should_stop=check_captured_interrupt,
        )
        _report_batches(context, gateway, mount, run)
    summary = summary_metadata(gateway, run, before, health.read(gateway, config.worker_name))
    context.log.info("stopped: %s; %s batches, %s events", run.stopped_reason, run.batches, run.seen)
    if run.stopped_reason == "cancelled":
        context.log_event(dg.AssetMaterialization(mount.key("iu_route_attempt"), metadata=summary))
        raise dg.DagsterExecutionInterruptedError
    return dg.MaterializeResult(metadata=summary)


@contextmanager
def _deferred_cancellation() -> Iterator[None]:
    """Defer a cancellation of the run: the worker checks for one after each batch."""
    with capture_interrupts():
        yield


def _report_batches(context: dg.AssetExecutionContext, gateway: Queries, mount: Mount, run: Drain) -> None:
    for result in run:
        batch = worker.batch(gateway, result.batch_id) if result.batch_id is not None else None
        if batch is None:
            continue
        context.log_event(
            dg.AssetMaterialization(
                mount.key("iu_route_attempt"),
                description=f"batch {batch.batch_id}: {batch.seen:,} events",
                metadata=batch_metadata(batch),
            )
        )
        if batch.dead_lettered:
            context.log_event(
                dg.AssetMaterialization(
                    mount.key("iu_route_dead_letter"),
                    metadata={"batch_id": batch.batch_id, "dead_lettered": batch.dead_lettered},
                )
            )


def check(mount: Mount) -> dg.AssetChecksDefinition:
    """Return the check that every event that was read has an attempt. A failure blocks downstream assets."""

    @dg.asset_check(
        name="conservation",
        asset=mount.key("iu_route_attempt"),
        blocking=True,
        required_resource_keys=mount.requires,
        description=(
            "Every event that a worker has read has an attempt, and each batch has as many attempts as its "
            "row in iu_route_batch says. Only the newest events and batches are checked, at a bounded cost."
        ),
    )
    def conservation(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        with one_clear_line(), mount.open(context.resources) as gateway:
            found = [attempts.conservation(gateway, name) for name in mount.workers]
        missing = sum(one.events_unattempted for one in found)
        differing = sum(one.batches_differing for one in found)
        return dg.AssetCheckResult(
            passed=not missing and not differing,
            severity=dg.AssetCheckSeverity.ERROR,
            metadata={
                "events_unattempted": missing,
                "batches_checked": sum(one.batches_checked for one in found),
                "batches_differing": differing,
            },
        )

    return conservation


def job(mount: Mount, attempt_log: dg.AssetsDefinition, conservation: dg.AssetChecksDefinition) -> Any:
    """Return the job that runs the worker and then checks `conservation`."""
    return dg.define_asset_job(
        mount.named("route_worker_job"),
        selection=dg.AssetSelection.assets(attempt_log).without_checks()
        | dg.AssetSelection.checks(conservation),
        config=validated(_config_of(mount), attempt_log.op.name),
        description="Run the route worker in batches until no event is left or a limit is reached.",
        run_tags={tags.WORKER: mount.tag(mount.workers[0])},
        executor_def=dg.in_process_executor,
    )


def _config_of(mount: Mount) -> type[RouteWorkerConfig]:
    """Return the config class whose default `worker_name` is the first worker of `mount`."""
    if mount.workers[0] == DEFAULT_WORKER:
        return RouteWorkerConfig
    field: Any = FieldInfo.merge_field_infos(
        RouteWorkerConfig.model_fields["worker_name"], default=mount.workers[0]
    )

    class MountedRouteWorkerConfig(RouteWorkerConfig):
        worker_name: str = field

    return MountedRouteWorkerConfig


def schedule(mount: Mount, route_worker_job: Any) -> dg.ScheduleDefinition:
    """Return the schedule that runs the workers while the gates are open."""

    @dg.schedule(
        name=mount.named("route_worker_schedule"),
        job=route_worker_job,
        cron_schedule=mount.route_worker_cron,
        default_status=mount.schedule_status("route_worker_schedule"),
        required_resource_keys=mount.requires,
        description="Run each worker. While a gate is closed, skip, with the gate's name as reason.",
        owners=[OWNER],
    )
    def route_worker_schedule(
        context: dg.ScheduleEvaluationContext,
    ) -> list[dg.RunRequest] | dg.SkipReason:
        try:
            with mount.open(context.resources) as gateway:
                results = [
                    _request(context.instance, mount, health.read(gateway, name)) for name in mount.workers
                ]
        except IuError as error:
            return skipped(error)
        requests = _requests_or_skip(results)
        return requests if isinstance(requests, dg.SkipReason) else _with_run_keys(context, requests)

    return route_worker_schedule


def _with_run_keys(
    context: dg.ScheduleEvaluationContext, requests: list[dg.RunRequest]
) -> list[dg.RunRequest]:
    """Add run keys with the time of the tick, which Dagster requires if a tick has several requests."""
    if len(requests) == 1:
        return requests
    tick = context.scheduled_execution_time.isoformat()
    return [
        request.with_replaced_attrs(run_key=f"{request.tags[tags.WORKER]} {tick}") for request in requests
    ]


def sensor(mount: Mount, route_worker_job: Any) -> dg.SensorDefinition:
    """Return the sensor that runs a worker if its backlog is large or its oldest unread event is old."""

    @dg.sensor(
        name=mount.named("backlog_sensor"),
        job=route_worker_job,
        minimum_interval_seconds=mount.sensor_interval_seconds,
        default_status=mount.sensor_status("backlog_sensor"),
        required_resource_keys=mount.requires,
        description=(
            f"Run a worker if {mount.backlog_threshold:,} events are waiting, or if one has waited for "
            f"{mount.backlog_age_seconds:g} seconds."
        ),
        owners=[OWNER],
    )
    def backlog_sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        try:
            with mount.open(context.resources) as gateway:
                reports = [health.read(gateway, name) for name in mount.workers]
                results = [_request_if_due(context.instance, mount, report) for report in reports]
                observed = _observed(context, gateway, mount, reports)
        except IuError as error:
            return dg.SensorResult(skip_reason=skipped(error))
        requests = _requests_or_skip(results)
        if isinstance(requests, dg.SkipReason):
            return dg.SensorResult(skip_reason=requests, **observed)
        return dg.SensorResult(run_requests=requests, **observed)

    return backlog_sensor


def _observed(
    context: dg.SensorEvaluationContext, gateway: Queries, mount: Mount, reports: Iterable[HealthReport]
) -> dict[str, Any]:
    """Return an observation of the outbox, or an empty dictionary if nothing has changed since the last one.

    The sensor's cursor stores only what was last observed. It does not decide whether a run is requested.
    """
    seen = ";".join(f"{report.worker_name}:{report.backlog}:{report.cursor_event_id}" for report in reports)
    if seen == context.cursor:
        return {}
    event = dg.AssetObservation(mount.key("event_outbox"), metadata=observation(gateway, mount))
    return {"asset_events": [event], "cursor": seen}


def _request_if_due(instance: dg.DagsterInstance, mount: Mount, report: HealthReport) -> dg.RunRequest | str:
    """Return a run request for one worker whose backlog is large or old, or the reason to skip."""
    oldest = report.backlog_oldest_seconds or 0.0
    due = report.backlog >= mount.backlog_threshold or (
        report.backlog and oldest >= mount.backlog_age_seconds
    )
    if not due and report.master_gate_open and report.worker_gate_open:
        return (
            f"{report.worker_name}: {_waiting(report)} events waiting, the oldest for {oldest:.0f} s; "
            f"a run starts at {mount.backlog_threshold:,} events or after {mount.backlog_age_seconds:g} s"
        )
    return _request(instance, mount, report)


def _waiting(report: HealthReport) -> str:
    return health.at_least(report.backlog, capped=report.backlog_capped)


def _request(instance: dg.DagsterInstance, mount: Mount, report: HealthReport) -> dg.RunRequest | str:
    """Return a run request for one worker, or the reason to skip.

    The request has no run key, because Dagster would ignore every later request with the same key.
    """
    name = report.worker_name
    closed = closed_gate(report)
    if closed:
        return f"{name}: the {closed} gate is closed; {_waiting(report)} events are waiting"
    wanted = {tags.WORKER: mount.tag(name)}
    busy = unfinished_run(instance, wanted)
    if busy:
        return f"{name}: run {busy} is already queued or running"
    return dg.RunRequest(run_config={"worker_name": name}, tags=wanted)


def closed_gate(report: HealthReport) -> str | None:
    """Return the name of the closed gate that stops the worker, the master gate first, or None."""
    if not report.master_gate_open:
        return "master"
    return None if report.worker_gate_open else "worker"


def _requests_or_skip(results: list[dg.RunRequest | str]) -> list[dg.RunRequest] | dg.SkipReason:
    """Return the run requests among `results`, or all reasons to skip if there is no request."""
    requests = [result for result in results if isinstance(result, dg.RunRequest)]
    return requests or dg.SkipReason("; ".join(str(result) for result in results))

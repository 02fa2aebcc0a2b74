"""The schedule and the sensor that request runs of the worker, and the reasons for which they skip."""

from __future__ import annotations

import logging
from typing import Any, Final

import dagster as dg

from iu_pipelines.db.queries import Queries
from iu_pipelines.defs.kit import questions, tags
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.questions import Question
from iu_pipelines.defs.kit.runs import unfinished_run, unfinished_run_of_asset
from iu_pipelines.defs.kit.step_errors import skipped
from iu_pipelines.domain import health
from iu_pipelines.domain.health import HealthReport
from iu_pipelines.errors import IuError


def schedule(mount: Mount, route_worker_job: Any) -> dg.ScheduleDefinition:
    """Return the schedule that runs each worker that has unread events, while the gates are open."""

    @dg.schedule(
        name=mount.named("route_worker_schedule"),
        job=route_worker_job,
        cron_schedule=mount.route_worker_cron,
        default_status=mount.schedule_status("route_worker_schedule"),
        required_resource_keys=mount.requires,
        description="Run each worker that has unread events. While a gate is closed, skip and name the gate.",
        owners=list(mount.owners) or None,
    )
    def route_worker_schedule(
        context: dg.ScheduleEvaluationContext,
    ) -> list[dg.RunRequest] | dg.SkipReason:
        try:
            with mount.open(context.resources) as gateway:
                reports = _reports(gateway, mount)
        except IuError as error:
            return skipped(error)
        requests = _requests(context.instance, context.log, mount, reports)
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
    return questions.sensor(mount, BACKLOG, route_worker_job)


def _reports(gateway: Queries, mount: Mount) -> list[HealthReport]:
    return [health.read(gateway, name) for name in mount.workers]


def _requests(
    instance: dg.DagsterInstance, log: logging.Logger, mount: Mount, reports: list[HealthReport]
) -> list[dg.RunRequest] | dg.SkipReason:
    """Return the run requests of all workers with unread events, or all reasons to skip if there is none."""
    results = [_if_waiting(instance, mount, report) for report in reports]
    requests = [result for result in results if isinstance(result, dg.RunRequest)]
    reasons = [result for result in results if isinstance(result, str)]
    for request in requests:
        log.info("%s: a run is requested", request.partition_key)
    for reason in reasons:
        log.info(reason)
    return requests or dg.SkipReason("; ".join(reasons))


def _if_waiting(instance: dg.DagsterInstance, mount: Mount, report: HealthReport) -> dg.RunRequest | str:
    """Return a run request for one worker that has unread events, or the reason to skip."""
    if not report.backlog and closed_gate(report) is None:
        return f"{report.worker_name}: no event is waiting"
    return _request(instance, mount, report)


def _if_due(instance: dg.DagsterInstance, mount: Mount, report: HealthReport) -> dg.RunRequest | str:
    """Return a run request for one worker whose backlog is large or old, or the reason to skip."""
    oldest = report.backlog_oldest_seconds or 0.0
    due = report.backlog >= mount.backlog_threshold or (
        report.backlog and oldest >= mount.backlog_age_seconds
    )
    if not due and closed_gate(report) is None:
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
    busy = unfinished_run(instance, wanted) or unfinished_run_of_asset(
        instance, mount.key("iu_route_attempt"), name, mount.named("route_worker_job")
    )
    if busy:
        return f"{name}: run {busy} is already queued or running"
    return dg.RunRequest(partition_key=name, tags=wanted)


def closed_gate(report: HealthReport) -> str | None:
    """Return the name of the closed gate that stops the worker, the master gate first, or None."""
    if not report.master_gate_open:
        return "master"
    return None if report.worker_gate_open else "worker"


BACKLOG: Final = Question(
    sensor="backlog_sensor",
    job="route_worker_job",
    description=lambda mount: (
        f"Run a worker if {mount.backlog_threshold:,} events are waiting, or if one has waited for "
        f"{mount.backlog_age_seconds:g} seconds."
    ),
    look=_reports,
    decide=lambda instance, mount, reports: [_if_due(instance, mount, report) for report in reports],
)
"""Which workers have a backlog that is large or old."""

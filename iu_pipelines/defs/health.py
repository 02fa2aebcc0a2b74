"""Health reports: their asset, check, job and schedule, and the sensor for failed runs."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import dagster as dg

from iu_pipelines.db.queries import Queries
from iu_pipelines.defs.kit import tags
from iu_pipelines.defs.kit.asset_metadata import KINDS, markdown_table, metadata, run_link
from iu_pipelines.defs.kit.configuration import OWNER, Mount
from iu_pipelines.defs.kit.dagster_private import get_smallest_cron_interval
from iu_pipelines.defs.kit.step_errors import one_clear_line
from iu_pipelines.defs.kit.validated_config import LOGGED
from iu_pipelines.defs.outbox import observation
from iu_pipelines.domain import gates, health, worker
from iu_pipelines.domain.health import HealthReport


def definitions(mount: Mount, others: dg.Definitions) -> dg.Definitions:
    """Return the definitions of the health reports. Their job also runs the checks of `others`."""
    report, backlog_moving = asset(mount), check(mount)
    report_job = job(mount, report, [*_checks(others), backlog_moving])
    return dg.Definitions(
        assets=[report],
        asset_checks=[backlog_moving],
        jobs=[report_job],
        schedules=[schedule(mount, report_job)],
        sensors=[sensor(mount, _watched(others), report_job)],
    )


def _checks(others: dg.Definitions) -> list[dg.AssetChecksDefinition]:
    return [check for check in others.asset_checks or () if isinstance(check, dg.AssetChecksDefinition)]


def _watched(others: dg.Definitions) -> list[Any]:
    """Return the jobs that run the worker or replay dead letters, found by their run tags."""
    return [job for job in others.jobs or () if tags.ATTEMPTS & set(job.run_tags or ())]


def asset(mount: Mount) -> dg.AssetsDefinition:
    """Return the asset of the health reports. It contains one report for each worker of the outbox."""

    @dg.asset(
        key=mount.key("iu_health_audit"),
        deps=[mount.key("event_outbox"), mount.key("iu_route_attempt"), mount.key("iu_route_dead_letter")],
        required_resource_keys=mount.requires,
        description="The result of `fn_iu_route_worker_health` for each worker: whether it makes progress.",
        metadata=metadata(
            "fn_iu_route_worker_health", HealthReport, "objects/health/fn_iu_route_worker_health.sql"
        ),
        freshness_policy=_due_by(mount.health_audit_cron),
        group_name=mount.group,
        owners=[OWNER],
        kinds=KINDS,
    )
    def iu_health_audit(context: dg.AssetExecutionContext) -> dg.MaterializeResult:  # type: ignore[type-arg]
        with one_clear_line(), mount.open(context.resources) as gateway:
            reports = [health.read(gateway, name) for name in mount.workers]
            context.log_event(
                dg.AssetObservation(mount.key("event_outbox"), metadata=observation(gateway, mount))
            )
            return dg.MaterializeResult(metadata=_report_metadata(gateway, reports))

    return iu_health_audit


def _due_by(cron: str) -> dg.FreshnessPolicy:
    """Return the policy that a new report exists at each tick of `cron`.

    A report is new if it was made at most 15 minutes before the tick, or after the previous tick if that is
    less.
    """
    return dg.FreshnessPolicy.cron(cron, min(timedelta(minutes=15), get_smallest_cron_interval(cron)))


def _report_metadata(gateway: Queries, reports: list[HealthReport]) -> dict[str, Any]:
    return {
        "stopped_reason": "done",
        "healthy": all(report.healthy for report in reports),
        "reasons": markdown_table(
            ["worker", "reason"], [[one.worker_name, reason] for one in reports for reason in one.reasons]
        ),
        "backlog": sum(report.backlog for report in reports),
        "backlog_is_capped": any(report.backlog_capped for report in reports),
        "backlog_oldest_seconds": max(report.backlog_oldest_seconds or 0.0 for report in reports),
        "attempts_in_audit": reports[0].attempts_in_audit,
        "failed_attempts": reports[0].failed_attempts,
        "dead_letter_open": reports[0].dead_letter_open,
        "dead_letter_open_is_capped": reports[0].dead_letter_open_capped,
        "delivered_sent": reports[0].delivered_sent,
        "dagster/row_count": len(reports),
        "gates": markdown_table(
            ["gate", "value", "open"],
            [[gate.key, gate.value, "yes" if gate.is_open else "no"] for gate in gates.list_gates(gateway)],
        ),
        "workers": markdown_table(
            ["", *(report.worker_name for report in reports)],
            list(zip(list(asdict(reports[0])), *(_values(report) for report in reports), strict=True)),
        ),
        "latest_batches": _latest(gateway),
    }


def _values(report: HealthReport) -> list[object]:
    return [", ".join(value) if isinstance(value, tuple) else value for value in asdict(report).values()]


def _latest(gateway: Queries) -> dg.MarkdownMetadataValue:
    rows = [
        [batch.batch_id, batch.worker_name, batch.seen, batch.dead_lettered, run_link(batch.run_ref)]
        for batch in worker.batches(gateway, limit=10)
    ]
    return markdown_table(["batch", "worker", "seen", "dead letters", "run"], rows)


def check(mount: Mount) -> dg.AssetChecksDefinition:
    """Return the check that every worker makes progress while the gates are open."""

    @dg.asset_check(
        name="backlog_moving",
        asset=mount.key("iu_health_audit"),
        required_resource_keys=mount.requires,
        description="Every worker is healthy: it makes progress if it has a backlog and the gates are open.",
    )
    def backlog_moving(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        with one_clear_line(), mount.open(context.resources) as gateway:
            reports = [health.read(gateway, name) for name in mount.workers]
        reasons = [f"{one.worker_name}: {reason}" for one in reports for reason in one.reasons]
        return dg.AssetCheckResult(
            passed=all(one.healthy for one in reports),
            metadata={
                "reasons": "; ".join(reasons) or "none",
                "backlog": sum(one.backlog for one in reports),
                "backlog_is_capped": any(one.backlog_capped for one in reports),
            },
        )

    return backlog_moving


def job(mount: Mount, report: dg.AssetsDefinition, checks: Iterable[dg.AssetChecksDefinition]) -> Any:
    """Return the job that makes the health reports and runs `checks`."""
    return dg.define_asset_job(
        mount.named("health_audit_job"),
        selection=dg.AssetSelection.assets(report) | dg.AssetSelection.checks(*checks),
        description="Make the health report of every worker, and run every check.",
        config=LOGGED,
        executor_def=dg.in_process_executor,
    )


def schedule(mount: Mount, health_audit_job: Any) -> dg.ScheduleDefinition:
    """Return the schedule of the health reports. It only reads, so it is switched on by default."""
    return dg.ScheduleDefinition(
        name=mount.named("health_audit_schedule"),
        job=health_audit_job,
        cron_schedule=mount.health_audit_cron,
        default_status=mount.schedule_status("health_audit_schedule", only_reads=True),
        description="Make the health reports, also while a gate is closed. The reports then name the gate.",
        owners=[OWNER],
    )


def sensor(mount: Mount, watched: Sequence[Any], health_audit_job: Any) -> dg.SensorDefinition:
    """Return the sensor that requests health reports after a failed run of one of the jobs `watched`."""

    @dg.run_failure_sensor(
        name=mount.named("run_failure_sensor"),
        monitored_jobs=list(watched),
        request_job=health_audit_job,
        default_status=mount.sensor_status("run_failure_sensor", only_reads=True),
        description="After a failed run of the worker or a replay: log the error and request health reports.",
    )
    def run_failure_sensor(context: dg.RunFailureSensorContext) -> dg.RunRequest:
        run = context.dagster_run
        reason = (context.failure_event.message or "no message").splitlines()[0]
        context.log.error("%s run %s failed: %s", run.job_name, run.run_id, reason)
        return dg.RunRequest(job_name=health_audit_job.name, tags={tags.FAILED_RUN: run.run_id})

    return run_failure_sensor

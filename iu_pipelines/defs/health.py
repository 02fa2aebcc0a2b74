"""Health reports: their asset, check, job and schedule, and the sensor for failed runs."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

import dagster as dg

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.queries import Queries
from iu_pipelines.defs import deliveries, targets
from iu_pipelines.defs.batches import BATCHES, batch_table
from iu_pipelines.defs.delivery_tables import observation
from iu_pipelines.defs.gates import GATES, gate_table
from iu_pipelines.defs.inbound import SQL_LINK, UNIT_VERSION
from iu_pipelines.defs.kit import checks, tags
from iu_pipelines.defs.kit.asset_metadata import metadata, moment, table
from iu_pipelines.defs.kit.checks import Check
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.freshness import due_by
from iu_pipelines.defs.kit.sources import input_versions, version_of
from iu_pipelines.defs.kit.step_errors import one_clear_line
from iu_pipelines.defs.outbox import OUTBOX
from iu_pipelines.defs.routes import ROUTES
from iu_pipelines.domain import gates, health, worker
from iu_pipelines.domain.deliveries import is_installed
from iu_pipelines.domain.health import HealthReport

_OBSERVED: Final = (UNIT_VERSION, SQL_LINK, GATES, ROUTES, OUTBOX, BATCHES)


def definitions(mount: Mount, others: dg.Definitions) -> dg.Definitions:
    """Return the definitions of the health reports. Their job also runs the checks of `others`."""
    report, backlog_moving = asset(mount), checks.definition(mount, BACKLOG_MOVING)
    report_job = job(mount, report, [*_checks(others), backlog_moving])
    return dg.Definitions(
        assets=[report],
        asset_checks=[backlog_moving],
        jobs=[report_job],
        schedules=[schedule(mount, report_job)],
        sensors=[sensor(mount, report_job)],
    )


def _checks(others: dg.Definitions) -> list[dg.AssetChecksDefinition]:
    return [check for check in others.asset_checks or () if isinstance(check, dg.AssetChecksDefinition)]


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
        freshness_policy=due_by(mount.health_audit_cron),
        group_name=mount.group,
        owners=mount.owners,
        kinds=set(mount.kinds),
    )
    def iu_health_audit(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
        with one_clear_line(), mount.open(context.resources) as gateway:
            reports = [health.read(gateway, name) for name in mount.workers]
            outbox = _observe(context, gateway, mount)
            found = _report_metadata(gateway, reports)
        read = input_versions({outbox.asset_key: version_of(outbox)})
        yield dg.MaterializeResult(metadata=found, data_version=_version(reports), tags=read)

    return iu_health_audit


def _observe(context: dg.AssetExecutionContext, gateway: Queries, mount: Mount) -> dg.AssetObservation:
    """Observe every source and the deliveries, and return the observation of the outbox."""
    sources = [*_OBSERVED, *(targets.sources(mount) if is_installed(gateway) else ())]
    made: dict[str, dg.AssetObservation] = {
        source.name: source.observation(gateway, mount) for source in sources
    }
    for seen in made.values():
        context.log_event(seen)
    if is_installed(gateway):
        for name, target in deliveries.places(mount):
            context.log_event(observation(gateway, mount.key(name), target))
    return made[OUTBOX.name]


def _version(reports: list[HealthReport]) -> dg.DataVersion:
    """Return the data version: it changes with the health of a worker and its reasons."""
    judged = [(report.worker_name, report.healthy, report.reasons) for report in reports]
    return dg.DataVersion(hashlib.sha256(repr(judged).encode()).hexdigest()[:16])


def _reasons(reports: list[HealthReport]) -> str:
    return "; ".join(f"{one.worker_name}: {reason}" for one in reports for reason in one.reasons) or "none"


def _report_metadata(gateway: Queries, reports: list[HealthReport]) -> dict[str, Any]:
    return {
        "stopped_reason": "done",
        "healthy": all(report.healthy for report in reports),
        "reasons": _reasons(reports),
        "last_run_at": moment(max((one.last_run_at for one in reports if one.last_run_at), default=None)),
        "backlog": sum(report.backlog for report in reports),
        "backlog_is_capped": any(report.backlog_capped for report in reports),
        "backlog_oldest_seconds": max(report.backlog_oldest_seconds or 0.0 for report in reports),
        "attempts_in_audit": reports[0].attempts_in_audit,
        "failed_attempts": reports[0].failed_attempts,
        "dead_letter_open": reports[0].dead_letter_open,
        "dead_letter_open_is_capped": reports[0].dead_letter_open_capped,
        "delivered_sent": reports[0].delivered_sent,
        "dagster/row_count": len(reports),
        "gates": gate_table(gates.list_gates(gateway)),
        "workers": table(
            ["figure", *(report.worker_name for report in reports)],
            list(zip(list(asdict(reports[0])), *(_values(report) for report in reports), strict=True)),
        ),
        "latest_batches": batch_table(worker.batches(gateway, limit=10)),
    }


def _values(report: HealthReport) -> list[object]:
    return [", ".join(value) if isinstance(value, tuple) else value for value in asdict(report).values()]


def _backlog_moving(gateway: Gateway, mount: Mount) -> tuple[bool, dict[str, Any]]:
    reports = [health.read(gateway, name) for name in mount.workers]
    return all(one.healthy for one in reports), {
        "reasons": _reasons(reports),
        "unhealthy_workers": ", ".join(one.worker_name for one in reports if not one.healthy) or "none",
        "backlog": sum(one.backlog for one in reports),
        "backlog_is_capped": any(one.backlog_capped for one in reports),
    }


BACKLOG_MOVING: Final = Check(
    name="backlog_moving",
    asset="iu_health_audit",
    description="Every worker is healthy: it makes progress if it has a backlog and the gates are open.",
    ask=_backlog_moving,
)


def job(mount: Mount, report: dg.AssetsDefinition, checks: Iterable[dg.AssetChecksDefinition]) -> Any:
    """Return the job that makes the health reports and runs `checks`."""
    return dg.define_asset_job(
        mount.named("health_audit_job"),
        selection=dg.AssetSelection.assets(report) | dg.AssetSelection.checks(*checks),
        description="Make the health report of every worker, and run every check.",
        executor_def=mount.executor,
    )


def schedule(mount: Mount, health_audit_job: Any) -> dg.ScheduleDefinition:
    """Return the schedule of the health reports. It only reads, so it is switched on by default."""
    return dg.ScheduleDefinition(
        name=mount.named("health_audit_schedule"),
        job=health_audit_job,
        cron_schedule=mount.health_audit_cron,
        default_status=mount.schedule_status("health_audit_schedule", only_reads=True),
        description="Make the health reports, also while a gate is closed. The reports then name the gate.",
        owners=list(mount.owners) or None,
    )


def sensor(mount: Mount, health_audit_job: Any) -> dg.SensorDefinition:
    """Return the sensor that requests health reports after a failed worker, replay or delivery run.

    It looks at the failed runs of every job, because *Materialize* starts runs of a job of Dagster's own.
    """
    own = failures_of(mount)

    @dg.run_failure_sensor(
        name=mount.named("run_failure_sensor"),
        request_job=health_audit_job,
        default_status=mount.sensor_status("run_failure_sensor", only_reads=True),
        description=FAILURES_DESCRIPTION,
    )
    def run_failure_sensor(context: dg.RunFailureSensorContext) -> dg.RunRequest | dg.SkipReason:
        run = context.dagster_run
        if not own.has(run):
            return dg.SkipReason(f"run {run.run_id} of {run.job_name} is not one of this outbox")
        return report_request(context, mount)

    return run_failure_sensor


FAILURES_DESCRIPTION: Final = (
    "After a failed worker, replay or delivery run: log the error, request health reports."
)


@dataclass(frozen=True)
class Failures:
    """The jobs and assets of one outbox after whose failed runs health reports are requested."""

    jobs: frozenset[str]
    assets: frozenset[dg.AssetKey]

    def has(self, run: dg.DagsterRun) -> bool:
        """Return whether a run is of one of the jobs, or selects one of the assets."""
        return run.job_name in self.jobs or bool(self.assets & (run.asset_selection or frozenset()))


def failures_of(mount: Mount) -> Failures:
    """Return the jobs that run workers, replay or deliver, and the assets that *Materialize* runs."""
    names = ("route_worker_job", "dead_letter_replay_job", "delivery_job")
    assets = ("iu_route_attempt", "iu_route_dead_letter", *(name for name, _ in deliveries.places(mount)))
    return Failures(frozenset(map(mount.named, names)), frozenset(map(mount.key, assets)))


def report_request(context: dg.RunFailureSensorContext, mount: Mount) -> dg.RunRequest:
    """Log why a run of an outbox failed, and return the request of its health reports."""
    run = context.dagster_run
    reason = (context.failure_event.message or "no message").splitlines()[0]
    context.log.error("%s run %s failed: %s", run.job_name, run.run_id, reason)
    return dg.RunRequest(job_name=mount.named("health_audit_job"), tags={tags.FAILED_RUN: run.run_id})

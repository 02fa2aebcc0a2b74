"""The health audit: what the database says of each worker, as an asset and as checks."""

from dataclasses import asdict
from datetime import timedelta
from typing import Any, Final

import dagster as dg

from iu_pipelines.db.queries import Queries
from iu_pipelines.defs.kit.asset_metadata import KINDS, columns, markdown_table, metadata, run_link
from iu_pipelines.defs.kit.configuration import OWNER, Mount
from iu_pipelines.defs.kit.dagster_private import get_smallest_cron_interval
from iu_pipelines.defs.kit.step_errors import one_clear_line
from iu_pipelines.defs.kit.validated_config import LOGGED
from iu_pipelines.defs.outbox import observation
from iu_pipelines.domain import gates, health, worker
from iu_pipelines.domain.health import HealthReport

_COLUMNS: Final = columns("""
    healthy boolean whether the worker makes progress; a closed gate is a state and no fault
    reasons text[] why not, and what is held
    worker_name text the consumer
    worker_gate_open boolean may the worker run
    master_gate_open boolean may anything run
    delivery_gate_open boolean may anything be delivered
    live_routes text[] routes that may deliver
    backlog bigint events waiting; exact up to 10,000
    backlog_capped boolean whether there are more
    backlog_oldest_seconds numeric how long the oldest has waited
    attempts_in_audit bigint rows of the audit
    failed_attempts bigint attempts that failed
    delivered_sent bigint attempts that delivered; always 0
    dead_letter_open bigint letters that wait for somebody; exact up to 10,000
    dead_letter_open_capped boolean whether there are more
    last_run_at timestamptz when the worker last ran
    last_progress_at timestamptz when it last read an event
    cursor_event_id uuid the newest event that the worker has read
    cursor_created_at timestamptz when that event was made
""")


def asset(mount: Mount) -> dg.AssetsDefinition:
    """Return the report on every worker of the outbox."""

    @dg.asset(
        key=mount.key("iu_health_audit"),
        deps=[mount.key("event_outbox"), mount.key("iu_route_attempt"), mount.key("iu_route_dead_letter")],
        required_resource_keys=mount.requires,
        description="What `fn_iu_route_worker_health` says of each worker. Judges progress, not liveness.",
        metadata=metadata(
            "fn_iu_route_worker_health", _COLUMNS, "objects/health/fn_iu_route_worker_health.sql"
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
            return dg.MaterializeResult(metadata=_audit(gateway, reports))

    return iu_health_audit


def _due_by(cron: str) -> dg.FreshnessPolicy:
    """Return the policy that an audit belongs to each tick of *cron*, at most 15 minutes early."""
    return dg.FreshnessPolicy.cron(cron, min(timedelta(minutes=15), get_smallest_cron_interval(cron)))


def _audit(gateway: Queries, reports: list[HealthReport]) -> dict[str, Any]:
    return {
        "stopped_reason": "done",
        "healthy": all(report.healthy for report in reports),
        "reasons": markdown_table(
            ["worker", "reason"], [[one.worker_name, reason] for one in reports for reason in one.reasons]
        ),
        "backlog": sum(report.backlog for report in reports),
        "backlog_oldest_seconds": max(report.backlog_oldest_seconds or 0.0 for report in reports),
        "attempts_in_audit": reports[0].attempts_in_audit,
        "failed_attempts": reports[0].failed_attempts,
        "dead_letter_open": reports[0].dead_letter_open,
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


def job(mount: Mount, selection: dg.AssetSelection) -> Any:
    """Return the job that audits health and runs the checks of *selection*."""
    return dg.define_asset_job(
        mount.named("health_audit_job"),
        selection=selection,
        description="Read the health of every worker, and prove that every guarantee still holds.",
        config=LOGGED,
        executor_def=dg.in_process_executor,
    )


def schedule(mount: Mount, health_audit_job: Any) -> dg.ScheduleDefinition:
    """Return the schedule of the audit. It only reads, so it starts switched on."""
    return dg.ScheduleDefinition(
        name=mount.named("health_audit_schedule"),
        job=health_audit_job,
        cron_schedule=mount.health_audit_cron,
        default_status=mount.schedule_status("health_audit_schedule"),
        description="Audit health whatever the gates say: a closed gate is part of the report.",
        owners=[OWNER],
    )

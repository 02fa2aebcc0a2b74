"""Asset checks made from health and from the audit itself."""

from typing import Final

import dagster as dg

from iu_pipelines.db.queries import Queries
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.step_errors import one_clear_line
from iu_pipelines.domain import attempts, dead_letters, gates, health

_NEVER_OPEN: Final = (gates.DELIVERY, gates.LIVE_ROUTES, gates.JOBS)


def conservation(mount: Mount) -> dg.AssetChecksDefinition:
    """Return the check that each consumed event has its attempts. It blocks what comes after."""

    @dg.asset_check(
        name="conservation",
        asset=mount.key("iu_route_attempt"),
        blocking=True,
        required_resource_keys=mount.requires,
        description=(
            "Each event that a worker has consumed has its attempts, and each batch has as many as it says. "
            "Looks at the newest events and batches, at a bounded cost."
        ),
    )
    def check(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
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

    return check


def letters_open(mount: Mount) -> dg.AssetChecksDefinition:
    """Return the check that no dead letter waits for somebody. It warns."""

    @dg.asset_check(
        name="dead_letters_open",
        asset=mount.key("iu_route_dead_letter"),
        required_resource_keys=mount.requires,
        description="No dead letter is open.",
    )
    def check(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        with one_clear_line(), mount.open(context.resources) as gateway:
            waiting = dead_letters.count_open(gateway)
        return dg.AssetCheckResult(
            passed=waiting == 0, severity=dg.AssetCheckSeverity.WARN, metadata={"dead_letter_open": waiting}
        )

    return check


def backlog_moving(mount: Mount) -> dg.AssetChecksDefinition:
    """Return the check that every worker makes progress while the gates are open."""

    @dg.asset_check(
        name="backlog_moving",
        asset=mount.key("iu_health_audit"),
        required_resource_keys=mount.requires,
        description="Every worker is healthy: while the gates are open, its backlog moves.",
    )
    def check(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        with one_clear_line(), mount.open(context.resources) as gateway:
            reports = [health.read(gateway, name) for name in mount.workers]
        reasons = [f"{one.worker_name}: {reason}" for one in reports for reason in one.reasons]
        return dg.AssetCheckResult(
            passed=all(one.healthy for one in reports),
            metadata={
                "reasons": "; ".join(reasons) or "none",
                "backlog": sum(one.backlog for one in reports),
            },
        )

    return check


def delivery_stays_closed(mount: Mount) -> dg.AssetChecksDefinition:
    """Return the check that nothing could be delivered, and nothing was."""

    @dg.asset_check(
        name="delivery_stays_closed",
        asset=mount.key("iu_health_audit"),
        required_resource_keys=mount.requires,
        description="The delivery and job gates are closed, no route is live, and nothing was sent.",
    )
    def check(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        with one_clear_line(), mount.open(context.resources) as gateway:
            opened = _opened(gateway)
            sent = health.read(gateway, mount.workers[0]).delivered_sent
        return dg.AssetCheckResult(
            passed=not opened and not sent,
            metadata={"open_gates": ", ".join(opened) or "none", "delivered_sent": sent},
        )

    return check


def _opened(gateway: Queries) -> list[str]:
    return [gate.key for gate in gates.list_gates(gateway) if gate.key in _NEVER_OPEN and gate.is_open]


def gates_open(mount: Mount) -> dg.AssetChecksDefinition:
    """Return the check that the worker may run. A closed gate is a decision, so it warns."""

    @dg.asset_check(
        name="gates_open",
        asset=mount.key("iu_health_audit"),
        required_resource_keys=mount.requires,
        description="The master gate and the worker gate are open; otherwise events are held.",
    )
    def check(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        with one_clear_line(), mount.open(context.resources) as gateway:
            closed = [
                gate.key
                for gate in gates.list_gates(gateway)
                if gate.key in (gates.MASTER, gates.WORKER) and not gate.is_open
            ]
            held = sum(health.read(gateway, name).backlog for name in mount.workers) if closed else 0
        return dg.AssetCheckResult(
            passed=not closed,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"closed": ", ".join(closed) or "none", "events_held": held},
        )

    return check


def of_health(mount: Mount) -> list[dg.AssetChecksDefinition]:
    """Return the checks that health and its gates answer."""
    return [
        letters_open(mount),
        backlog_moving(mount),
        delivery_stays_closed(mount),
        gates_open(mount),
    ]

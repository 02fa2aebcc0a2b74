"""Asset checks of the gates: delivery is closed, and the gates of the worker are open."""

from typing import Final

import dagster as dg

from iu_pipelines.db.queries import Queries
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.step_errors import one_clear_line
from iu_pipelines.domain import gates, health

_NEVER_OPEN: Final = (gates.DELIVERY, gates.LIVE_ROUTES, gates.JOBS)
_WORKER_GATES: Final = (gates.MASTER, gates.WORKER)


def definitions(mount: Mount) -> dg.Definitions:
    """Return the checks of the gates."""
    return dg.Definitions(asset_checks=[_delivery_check(mount), _worker_check(mount)])


def _delivery_check(mount: Mount) -> dg.AssetChecksDefinition:
    """Return the check that nothing can be delivered and that nothing was delivered."""

    @dg.asset_check(
        name="delivery_stays_closed",
        asset=mount.key("iu_health_audit"),
        required_resource_keys=mount.requires,
        description="The delivery and job gates are closed, no route is live, and nothing was sent.",
    )
    def delivery_stays_closed(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        with one_clear_line(), mount.open(context.resources) as gateway:
            opened = [key for key, is_open in _states(gateway, _NEVER_OPEN).items() if is_open]
            sent = health.read(gateway, mount.workers[0]).delivered_sent
        return dg.AssetCheckResult(
            passed=not opened and not sent,
            metadata={"open_gates": ", ".join(opened) or "none", "delivered_sent": sent},
        )

    return delivery_stays_closed


def _worker_check(mount: Mount) -> dg.AssetChecksDefinition:
    """Return the check that the gates of the worker are open.

    A failure is only a warning, because a gate may be closed on purpose.
    """

    @dg.asset_check(
        name="gates_open",
        asset=mount.key("iu_health_audit"),
        required_resource_keys=mount.requires,
        description="The master gate and the worker gate are open. While one is closed, events wait.",
    )
    def gates_open(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        with one_clear_line(), mount.open(context.resources) as gateway:
            closed = [key for key, is_open in _states(gateway, _WORKER_GATES).items() if not is_open]
            reports = [health.read(gateway, name) for name in mount.workers] if closed else []
        return dg.AssetCheckResult(
            passed=not closed,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={
                "closed": ", ".join(closed) or "none",
                "events_held": sum(report.backlog for report in reports),
                "events_held_are_capped": any(report.backlog_capped for report in reports),
            },
        )

    return gates_open


def _states(gateway: Queries, keys: tuple[str, ...]) -> dict[str, bool]:
    """Return whether each of `keys` is open."""
    return {gate.key: gate.is_open for gate in gates.list_gates(gateway) if gate.key in keys}

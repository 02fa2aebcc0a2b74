"""The gates: the table that stores them as an observable asset, and checks of their states."""

from __future__ import annotations

import hashlib
from typing import Any, Final

import dagster as dg

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.queries import Queries
from iu_pipelines.defs.kit import checks
from iu_pipelines.defs.kit.asset_metadata import moment, table
from iu_pipelines.defs.kit.checks import Check
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.sources import Seen, Source
from iu_pipelines.domain import gates, health
from iu_pipelines.domain.gates import Gate, Setting

_NEVER_OPEN: Final = (gates.DELIVERY, gates.LIVE_ROUTES, gates.JOBS)
_WORKER_GATES: Final = (gates.MASTER, gates.WORKER)


def definitions(mount: Mount) -> dg.Definitions:
    """Return the asset of the gates, and their checks."""
    return dg.Definitions(
        assets=[GATES.asset(mount)],
        asset_checks=[checks.definition(mount, check) for check in (DELIVERY_STAYS_CLOSED, GATES_OPEN)],
    )


def _seen(gateway: Queries, _mount: Mount) -> Seen:
    found = gates.list_gates(gateway)
    values = [(gate.key, gate.value) for gate in found]
    return Seen(
        hashlib.sha256(repr(values).encode()).hexdigest()[:16],
        {
            "changed_at": moment(max((gate.updated_at for gate in found if gate.updated_at), default=None)),
            "gates": gate_table(found),
        },
    )


def gate_table(found: list[Gate]) -> dg.TableMetadataValue:
    """Return the gates and their states as a table."""
    return table(
        ["gate", "value", "open", "changed (UTC)", "by"],
        [
            [gate.key, gate.value, "yes" if gate.is_open else "no", gate.updated_at, gate.updated_by]
            for gate in found
        ],
    )


def _delivery_stays_closed(gateway: Gateway, _mount: Mount) -> tuple[bool, dict[str, Any]]:
    opened = [key for key, is_open in _states(gateway, _NEVER_OPEN).items() if is_open]
    tally = health.sent_tally(gateway)
    may_be_open = tally.modules > 0
    return tally.unpromoted == 0 and (may_be_open or not opened), {
        "open_gates": ", ".join(opened) or "none",
        "delivered_sent": tally.sent,
        "sent_without_promotion": tally.unpromoted,
    }


def _gates_open(gateway: Gateway, mount: Mount) -> tuple[bool, dict[str, Any]]:
    closed = [key for key, is_open in _states(gateway, _WORKER_GATES).items() if not is_open]
    reports = [health.read(gateway, name) for name in mount.workers] if closed else []
    return not closed, {
        "closed": ", ".join(closed) or "none",
        "events_held": sum(report.backlog for report in reports),
        "events_held_are_capped": any(report.backlog_capped for report in reports),
    }


def _states(gateway: Queries, keys: tuple[str, ...]) -> dict[str, bool]:
    """Return whether each of `keys` is open."""
    return {gate.key: gate.is_open for gate in gates.list_gates(gateway) if gate.key in keys}


GATES: Final = Source(
    table="dot_config",
    row=Setting,
    description="Settings and gates. While the master gate or the worker gate is closed, events wait.",
    sql_files=("runtime/020_gates.sql", "objects/gates/fn_iu_gate_set.sql"),
    look=_seen,
)

DELIVERY_STAYS_CLOSED: Final = Check(
    name="delivery_stays_closed",
    asset="iu_health_audit",
    description=(
        "Nothing was sent without a valid promotion. Without a module that can send, the delivery and job "
        "gates are closed too, and no route is live."
    ),
    ask=_delivery_stays_closed,
)

GATES_OPEN: Final = Check(
    name="gates_open",
    asset="iu_health_audit",
    description="The master gate and the worker gate are open. While one is closed, events wait.",
    ask=_gates_open,
    severity=dg.AssetCheckSeverity.WARN,
)
"""Only a warning, because a gate may be closed on purpose."""

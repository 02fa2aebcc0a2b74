"""Checks of live delivery: what is in doubt, parked, about to expire, or not as it was rehearsed.

They only read, at a bounded cost. A check passes if the module iu-delivery is not installed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

import dagster as dg

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.queries import Queries
from iu_pipelines.defs import delivery_tables
from iu_pipelines.defs.delivery_tables import NOTHING_HERE, queues, todo
from iu_pipelines.defs.kit.asset_metadata import table
from iu_pipelines.defs.kit.checks import Check
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.resources import current_settings
from iu_pipelines.defs.targets import ALL, NOT_INSTALLED
from iu_pipelines.domain import deliveries, delivery_queue, gates, promotions
from iu_pipelines.domain.deliveries import Twin
from iu_pipelines.domain.promotions import Promotion

EXPIRING: Final = "promotions_do_not_expire_soon"
_NEWEST: Final = 1_000

_Answer = tuple[bool, Mapping[str, Any]]


def of_target(target: str, asset: str) -> list[Check]:
    """Return the checks of one target, or of all targets, which belong to the asset with the name `asset`."""

    def check(
        name: str,
        ask: Callable[[str, Gateway], _Answer],
        description: str,
        severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.WARN,
    ) -> Check:
        return Check(name, asset, description, partial(_if_installed, ask, target), severity)

    return [
        check(
            "no_deliveries_in_doubt",
            _in_doubt,
            "No delivery is in doubt: the lease of a claim passed, and its outcome is not known. It is sent "
            "again under the same id by the next run.",
        ),
        check(
            "no_parked_subjects",
            _parked,
            "No delivery is a dead letter, behind which the later events of its subject wait. A person "
            "replays or discards it.",
        ),
        check(
            EXPIRING,
            _expiring,
            f"No promotion is held, ended, or expires within {delivery_tables.SOON.days} days. "
            f"{NOTHING_HERE}",
        ),
        check(
            "delivered_as_rehearsed",
            _as_rehearsed,
            "What was delivered is what the rehearsals of the audit worker would have delivered. Only the "
            f"newest {_NEWEST:,} events of each route are compared.",
            dg.AssetCheckSeverity.ERROR,
        ),
    ]


def _if_installed(
    ask: Callable[[str, Gateway], _Answer], target: str, gateway: Gateway, _mount: Mount
) -> _Answer:
    if not deliveries.is_installed(gateway):
        return True, {"state": NOT_INSTALLED}
    return ask(target, gateway)


def _in_doubt(target: str, gateway: Gateway) -> _Answer:
    found = queues(gateway, target)
    count = sum(one.in_doubt for one in found)
    metadata: dict[str, Any] = {
        "in_doubt": count,
        "counts_are_capped": any(one.counts_capped for one in found),
    }
    if not count:
        return True, metadata
    listed = delivery_queue.in_doubt(gateway, target or None)
    return False, metadata | {
        "what_happens": "the next delivery run sends each again under the same id",
        "deliveries": table(
            ["event", "route", "target", "claims", "in doubt since (UTC)", "sender", "run"],
            [
                [one.event_id, one.route_code, one.target, one.claims, one.since, one.sender, one.run_ref]
                for one in listed
            ],
        ),
    }


def _parked(target: str, gateway: Gateway) -> _Answer:
    found = queues(gateway, target)
    dead, parked = sum(one.dead for one in found), sum(one.parked for one in found)
    metadata: dict[str, Any] = {
        "dead_letters": dead,
        "parked": parked,
        "counts_are_capped": any(one.counts_capped for one in found),
    }
    if not dead and not parked:
        return True, metadata
    listed = delivery_queue.dead(gateway, target or None)
    return False, metadata | {
        "what_a_person_must_do": "replay or discard the dead letters by a frozen plan: iu deliver plan "
        "--kind replay --reason REASON; iu deliver execute HASH",
        "letters": table(
            ["event", "route", "target", "claims", "dead since (UTC)", "reason"],
            [
                [one.event_id, one.route_code, one.target, one.claims, one.dead_at, one.dead_reason]
                for one in listed
            ],
        ),
    }


def _expiring(target: str, gateway: Gateway) -> _Answer:
    found = delivery_tables.of_target(promotions.list_promotions(gateway), target)
    wanted = list(_in_use(found, _listed(gateway)))
    faults = [(one, reason) for one in wanted if (reason := todo(one) or _elsewhere(one))]
    metadata: dict[str, Any] = {
        "promotions": len(wanted),
        "reasons": "; ".join(f"{one.route_code}: {reason}" for one, reason in faults) or "none",
    }
    if not faults:
        return True, metadata
    return False, metadata | {
        "routes": ", ".join(one.route_code for one, _ in faults),
        "who_decides": NOTHING_HERE,
        "table": delivery_tables.promotion_table([one for one, _ in faults]),
    }


def _listed(gateway: Queries) -> set[str]:
    """Return the routes in the gate of live routes: those that somebody wants to deliver."""
    (value,) = (one.value for one in gates.list_gates(gateway) if one.key == gates.LIVE_ROUTES)
    return {name.strip() for name in (value or "").split(",") if name.strip()}


def _in_use(found: Sequence[Promotion], listed: set[str]) -> Iterator[Promotion]:
    """Yield the promotion in force of each route, and the ended one of a route that is still listed."""
    newest = {one.route_code: one for one in found if one.state in ("live", "held", "demoted")}
    for one in newest.values():
        if one.state != "demoted" or one.route_code in listed:
            yield one


def _elsewhere(one: Promotion) -> str | None:
    presented = current_settings().deployment
    if presented == one.deployment:
        return None
    shown = f"IU_DEPLOYMENT is {presented}" if presented else "IU_DEPLOYMENT is not set"
    return f"the promotion is for the deployment {one.deployment}, and {shown} here"


def _as_rehearsed(target: str, gateway: Gateway) -> _Answer:
    codes = sorted({one.route_code for one in delivery_queue.waiting(gateway) if target in (ALL, one.target)})
    pairs = [(code, pair) for code in codes for pair in deliveries.twins(gateway, code, _NEWEST)]
    faults = [(code, pair) for code, pair in pairs if not _agrees(pair)]
    return not faults, {
        "deliveries": sum(pair.deliveries for _, pair in pairs),
        "differing": sum(pair.deliveries for _, pair in faults),
        "would_and_did": table(
            ["route", "would", "did", "deliveries", "first event", "agrees"],
            [
                [code, pair.would, pair.did, pair.deliveries, pair.first_event_id, _agrees(pair)]
                for code, pair in pairs
            ],
        ),
    }


def _agrees(pair: Twin) -> bool:
    """Return whether nothing was sent that the rehearsal refused. `none`: it has not read the event yet."""
    return pair.did != "sent" or pair.would in ("dry_run", "none")

"""Checks of live delivery: its targets, their senders and the promotions. None applies without its module."""

from __future__ import annotations

from typing import Any, Final

from iu_pipelines.db.statements import Statements
from iu_pipelines.domain.doctor.database import SCHEMA, Asked
from iu_pipelines.domain.doctor.findings import Verdict

_SQL: Final = Statements(__name__)

SOON_DAYS: Final = 3
"""How many days before its end a promotion is a warning."""

_NAMED: Final = 5
"""How many targets or routes a finding names."""


@SCHEMA("delivery.senders")
def senders(asked: Asked) -> Verdict | None:
    """Look for enabled targets to which no login may deliver."""
    if not _is_installed(asked):
        return None
    found = [row["target_name"] for row in asked.rows(_SQL["without_sender"])]
    if not found:
        return Verdict("ok", "every enabled target is granted to a login that may deliver")
    return Verdict(
        "warning",
        f"no login may deliver to: {_listed(found)}",
        f"Grant each to a login that is a member of iu_sender: iu target grant {found[0]} LOGIN",
    )


@SCHEMA("delivery.logins")
def logins(asked: Asked) -> Verdict | None:
    """Look for logins to which a target is granted, but which delivery refuses, or which approve too."""
    if not _is_installed(asked):
        return None
    found = asked.rows(_SQL["unfit_senders"])
    if not found:
        return Verdict("ok", "every login to which a target is granted may only deliver")
    return Verdict(
        "warning",
        "targets are granted to " + _listed([f"{row['login']}, who {row['fault']}" for row in found]),
        "Deliver with a login of its own: create role NAME login; grant iu_sender to NAME; then let an "
        "administrator run iu target grant, and iu target revoke for the other login.",
    )


@SCHEMA("delivery.promotions")
def promotions(asked: Asked) -> Verdict | None:
    """Look for promotions that end soon, or have ended, and were not demoted."""
    if not _is_installed(asked):
        return None
    found = asked.rows(_SQL["ending"], days=SOON_DAYS)
    if not found:
        return Verdict("ok", f"no promotion of a live route ends within {SOON_DAYS} days")
    return Verdict(
        "warning",
        "promotions that end soon: " + _listed([_ending(row) for row in found]),
        "Deliveries are then held. Propose a new one: iu promote propose ROUTE; another login approves it. "
        "Or end it: iu demote ROUTE --reason WHY",
    )


@SCHEMA("delivery.failover")
def failover(asked: Asked) -> Verdict | None:
    """Look for targets that wait for a person after a failover or a restore."""
    if not _is_installed(asked):
        return None
    found = [row["target_name"] for row in asked.rows(_SQL["held_after_failover"])]
    if not found:
        return Verdict("ok", "no target is held after a failover")
    return Verdict(
        "warning",
        f"nothing is delivered since the last failover or restore to: {_listed(found)}",
        "The database may have forgotten claims. Ask each receiver for the last ids that it has, then run: "
        f"iu target resume {found[0]} --reason WHY",
    )


def _is_installed(asked: Asked) -> bool:
    """Return whether the module is there, also to a login that may not read its tables."""
    return bool(asked.queries.fetch_value(_SQL["is_installed"]))


def _ending(row: dict[str, Any]) -> str:
    hours = row["hours"]
    if hours <= 0:
        return f"{row['route_code']} (expired)"
    return (
        f"{row['route_code']} (in {hours:.0f} h)" if hours >= 1 else f"{row['route_code']} (within an hour)"
    )


def _listed(found: list[str]) -> str:
    """Return the first texts, and how many more there are."""
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return ", ".join(found[:_NAMED]) + more

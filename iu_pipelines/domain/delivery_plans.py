"""Frozen plans of replays, discards and drains: making them, executing them, and how far they are.

The module `iu-delivery` must be installed. A sender claims what a drain names by `deliveries.claim_plan`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from iu_pipelines.db.queries import Queries
from iu_pipelines.db.statements import Statements
from iu_pipelines.domain import rows

_SQL: Final = Statements(__name__)

Kind = Literal["replay", "discard", "drain"]

MOST_EXECUTED: Final = 10_000
"""Entries that one call of `execute` carries out at most."""


@dataclass(frozen=True)
class Plan:
    """The answer of `fn_iu_delivery_plan_make`.

    `plan_hash` is None if the filter found nothing. `drain_seconds` is how long the deliveries need at the
    rates of their targets and promotions once all are due, or None without a rate. The times are when the
    first and the last of them were queued, or became dead letters. Of a drain, `due_now` of them neither wait
    for a retry nor stand behind one, and the last of the others is due at `last_due_at`, None if none waits.
    """

    status: Literal["planned", "nothing"]
    plan_hash: str | None
    kind: Kind
    entries: int
    routes: list[str]
    oldest_at: datetime | None
    newest_at: datetime | None
    drain_seconds: float | None
    due_now: int | None
    last_due_at: datetime | None


@dataclass(frozen=True)
class Executed:
    """The answer of `fn_iu_delivery_plan_execute`: of all `entries`, how many were carried out so far.

    `changed` entries were no dead letters any more, so nothing was done. `busy`: another session executes the
    plan or writes the queue of the route; nothing was done by this call.
    """

    status: Literal["running", "done", "busy"]
    plan_hash: str
    entries: int
    done: int
    changed: int
    left: int


@dataclass(frozen=True)
class Progress:
    """The answer of `fn_iu_delivery_plan_progress`; the five counts after `entries` are `entries` together.

    `waiting` entries stand behind a delivery that the plan does not name, or behind a dead letter. `target`
    is that of a drain.
    """

    plan_hash: str
    kind: Kind
    entries: int
    open: int
    settled: int
    in_flight: int
    waiting: int
    dead: int
    reason: str
    created_at: datetime
    created_by: str
    target: str | None = None


def make(gateway: Queries, kind: Kind, reason: str, filters: Mapping[str, Any] | None = None) -> Plan:
    """Freeze what a filter finds now.

    Keys of `filters`, all optional: `route_code`, `target`, `cause` (part of the reason of a dead letter),
    `since`, `until`, `subject`, `limit` and `out_of_order`. A drain needs `target` or `route_code`. A value
    that is None is left out.

    Raises:
        ArgumentInvalid: a key is unknown, or a value does not fit.
        UnknownTarget: there is no such target.
        ReplayOutOfOrder: the target skips dead letters, and `out_of_order` is not given.
    """
    given = json.dumps(dict(filters or {}), default=_text)
    answer = gateway.fetch_value(_SQL["make"], {"kind": kind, "filter": given, "reason": reason})
    return rows.read(Plan, answer)


def execute(gateway: Queries, plan_hash: str, batch_limit: int = 1000) -> Executed:
    """Carry out the next part of a replay or discard: at most MOST_EXECUTED entries, of one route.

    Raises:
        PromotionOutdated: there is no plan with this hash.
        ArgumentInvalid: it is a drain, or the hash is malformed.
    """
    given = {"plan_hash": plan_hash, "batch_limit": batch_limit}
    return rows.read(Executed, gateway.fetch_value(_SQL["execute"], given))


def progress(gateway: Queries, plan_hash: str) -> Progress:
    """Return how far a plan is executed.

    Raises:
        PromotionOutdated: there is no plan with this hash.
    """
    return rows.read(Progress, gateway.fetch_value(_SQL["progress"], {"plan_hash": plan_hash}))


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def has_due(gateway: Queries, plan_hash: str, *, or_in_flight: bool = False) -> bool:
    """Return whether a delivery that a drain names is due, for this sender or another, or also in flight.

    Raises:
        PromotionOutdated: there is no plan with this hash.
        DeliveryRefused: the login may not deliver to the target.
    """
    given = {"plan_hash": plan_hash, "or_in_flight": or_in_flight}
    found: bool = gateway.fetch_value(_SQL["has_due"], given)
    return found

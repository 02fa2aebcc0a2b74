"""Gates and settings: the rows of `dot_config`, and the history of their changes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final

from iu_pipelines.db.queries import Queries
from iu_pipelines.db.statements import Statements
from iu_pipelines.domain import rows
from iu_pipelines.errors import PermissionDenied, UnknownGate

_SQL: Final = Statements(__name__)
_CHOICES: Final = re.compile(r"(?<=must )match \^\((\w+(?:\|\w+)+)\)\$")

MASTER: Final = "iu_core.routes_enabled"
WORKER: Final = "iu_core.route_worker_enabled"
DELIVERY: Final = "iu_core.delivery_enabled"
LIVE_ROUTES: Final = "iu_core.delivery_live_routes"
JOBS: Final = "queue.job_substrate.enabled"

KEYS: Final = (MASTER, WORKER, DELIVERY, LIVE_ROUTES, JOBS)
"""The keys of all gates, in the order of `list_gates`."""


@dataclass(frozen=True)
class Gate:
    """One gate. It is open only if its value is `true`, with one exception.

    `iu_core.delivery_live_routes` is a list of routes, and is open if the list is not empty. `value` is None
    if the gate has no row.
    """

    key: str
    value: str | None
    is_open: bool
    description: str | None
    updated_at: datetime | None
    updated_by: str | None


@dataclass(frozen=True)
class Setting:
    """A row of `dot_config`, such as `iu_core.retention_days`."""

    key: Annotated[str, "the gate or setting"]
    value: Annotated[str, "a gate is open only if its value is true"]
    description: Annotated[str, "what it stops or sets"]
    updated_at: Annotated[datetime, "when the row was last changed"]
    updated_by: Annotated[str, "the role that changed it"]


@dataclass(frozen=True)
class GateChange:
    """One row of `dot_config_history`, which is append-only."""

    key: str
    old_value: str | None
    new_value: str | None
    reason: str | None
    changed_by: str
    changed_at: datetime


def list_gates(gateway: Queries) -> list[Gate]:
    """Return every gate, the master gate first, including gates that have no row."""
    return [rows.read(Gate, row) for row in gateway.fetch_all(_SQL["list_gates"])]


def listed_routes(gateway: Queries) -> str | None:
    """Return the value of the list of live routes, or None if the login may not read gates."""
    try:
        return next((gate.value or "" for gate in list_gates(gateway) if gate.key == LIVE_ROUTES), "")
    except PermissionDenied:
        return None


def left_out(key: str, old_value: str | None, value: str) -> list[str]:
    """Return the routes that a change of a gate takes off the list of live routes."""
    if key != LIVE_ROUTES or not old_value:
        return []
    return [code for code in old_value.split(",") if code not in value.split(",")]


def list_settings(gateway: Queries) -> list[Setting]:
    """Return every setting that is not a gate, in alphabetical order."""
    return [rows.read(Setting, row) for row in gateway.fetch_all(_SQL["list_settings"])]


def set_gate(gateway: Queries, key: str, value: str, reason: str) -> dict[str, Any]:
    """Set one gate or setting, and record the change with its reason in the history.

    `note` of the answer says why a gate that was opened has no effect yet; None if it has one.

    Raises:
        UnknownGate: the key is unknown, or the value is not allowed for it.
        ArgumentInvalid: the key or the reason is empty.
    """
    with choices_named():
        answer: dict[str, Any] = gateway.fetch_value(
            _SQL["set_gate"], {"key": key, "value": value, "reason": reason}
        )
    return answer


@contextmanager
def choices_named() -> Iterator[None]:
    """Name the values that are allowed in a hint of the block, instead of a pattern that lists them."""
    try:
        yield
    except UnknownGate as error:
        error.hint = error.hint and _CHOICES.sub(
            lambda found: f"be {found[1].replace('|', ' or ')}", error.hint
        )
        raise


def history(gateway: Queries, key: str | None = None, limit: int = 20) -> list[GateChange]:
    """Return up to `limit` changes, newest first, optionally only those of one gate or setting."""
    found = gateway.fetch_all(_SQL["history"], {"key": key, "max_rows": limit})
    return [rows.read(GateChange, row) for row in found]

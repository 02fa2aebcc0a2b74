"""Gates: the settings that open and close the engine, and the history of every change.

Stands on ``fn_iu_gate_list``, ``dot_config``, ``dot_config_history`` and ``fn_iu_gate_set``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from iu_pipelines.db.queries import Queries

MASTER: Final = "iu_core.routes_enabled"
WORKER: Final = "iu_core.route_worker_enabled"
DELIVERY: Final = "iu_core.delivery_enabled"
LIVE_ROUTES: Final = "iu_core.delivery_live_routes"
JOBS: Final = "queue.job_substrate.enabled"


@dataclass(frozen=True)
class Gate:
    """One gate. A missing row (``value`` of None) is closed, and so is any value but ``true``.

    The list of live routes is open when it names at least one.
    """

    key: str
    value: str | None
    is_open: bool
    description: str | None
    updated_at: datetime | None
    updated_by: str | None


@dataclass(frozen=True)
class Setting:
    """A row of ``dot_config`` that is no gate, such as a number of seconds."""

    key: str
    value: str
    description: str
    updated_at: datetime
    updated_by: str


@dataclass(frozen=True)
class GateChange:
    """One row of the append-only history of settings."""

    key: str
    old_value: str | None
    new_value: str | None
    reason: str | None
    changed_by: str
    changed_at: datetime


def list_gates(gateway: Queries) -> list[Gate]:
    """Return every gate, the master gate first, the missing ones too."""
    rows = gateway.fetch_all(
        "select key, value, is_open, description, updated_at, updated_by from public.fn_iu_gate_list()"
    )
    return [Gate(**row) for row in rows]


def list_settings(gateway: Queries) -> list[Setting]:
    """Return every setting that is no gate, in alphabetical order."""
    rows = gateway.fetch_all(
        """select key, value, description, updated_at, updated_by
             from public.dot_config
            where key not in (select gate.key from public.fn_iu_gate_list() as gate)
            order by key"""
    )
    return [Setting(**row) for row in rows]


def set_gate(gateway: Queries, key: str, value: str, reason: str) -> dict[str, Any]:
    """Set one gate or setting; the change and its reason go to the history.

    Raises UnknownGate or ArgumentInvalid.
    """
    answer: dict[str, Any] = gateway.fetch_value(
        "select public.fn_iu_gate_set(%s, %s, %s)", (key, value, reason)
    )
    return answer


def history(gateway: Queries, key: str | None = None, limit: int = 20) -> list[GateChange]:
    """Return the newest changes first, of one gate when named."""
    rows = gateway.fetch_all(
        """select key, old_value, new_value, reason, changed_by, changed_at
             from public.dot_config_history
            where %(key)s::text is null or key = %(key)s
            order by change_no desc
            limit %(limit)s""",
        {"key": key, "limit": limit},
    )
    return [GateChange(**row) for row in rows]

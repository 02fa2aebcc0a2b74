"""The history of the configuration: the rows of `iu_config_history`, and the reason that they record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from iu_pipelines.db.gateway import Session
from iu_pipelines.db.queries import Queries
from iu_pipelines.db.statements import Statements
from iu_pipelines.domain import rows

_SQL: Final = Statements(__name__)

EVENT_TYPE: Final = "event_type"
ROUTE: Final = "route"
CAPTURE: Final = "capture"
WORKER: Final = "worker"


@dataclass(frozen=True)
class ConfigChange:
    """One row of `iu_config_history`, which is append-only.

    `noun` is EVENT_TYPE, ROUTE, CAPTURE or WORKER. `old_value` is None for a new row, `new_value` for a
    removed one.
    """

    noun: str
    name: str
    old_value: dict[str, Any] | None
    new_value: dict[str, Any] | None
    reason: str | None
    changed_by: str
    changed_at: datetime


def give_reason(session: Session, reason: str | None) -> None:
    """Set the reason that every later change of this transaction records; without one, record none."""
    session.execute(_SQL["give_reason"], {"reason": reason or ""})


def history(
    gateway: Queries, noun: str | None = None, name: str | None = None, limit: int = 20
) -> list[ConfigChange]:
    """Return up to `limit` changes, newest first; those of one event type, route, capture or worker."""
    found = gateway.fetch_all(_SQL["history"], {"noun": noun, "name": name, "max_rows": limit})
    return [rows.read(ConfigChange, row) for row in found]

"""Notes about events, in `iu_note`; written by `fn_iu_note_add`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from iu_pipelines.db.queries import Queries
from iu_pipelines.db.statements import Statements
from iu_pipelines.domain import rows

_SQL: Final = Statements(__name__)


@dataclass(frozen=True)
class Note:
    """One note about one event."""

    note_id: Annotated[int, "in the order of writing"]
    event_id: Annotated[UUID, "the event"]
    note: Annotated[str, "what was noted"]
    noted_at: Annotated[datetime, "when"]
    noted_by: Annotated[str, "by whom"]


def add(gateway: Queries, event_id: UUID, note: str) -> int:
    """Add a note about an event and return its number. Raises ArgumentInvalid."""
    number: int = gateway.fetch_value(_SQL["add"], {"event_id": event_id, "note": note})
    return number


def recent(gateway: Queries, limit: int = 20) -> list[Note]:
    """Return the newest notes, newest first."""
    return [rows.read(Note, row) for row in gateway.fetch_all(_SQL["recent"], {"limit": limit})]

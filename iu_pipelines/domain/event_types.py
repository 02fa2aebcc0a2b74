"""Event types: the rows of `event_type_registry`. Only events of a registered type can be emitted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from iu_pipelines.db.queries import Queries
from iu_pipelines.db.statements import Statements
from iu_pipelines.domain import rows

_SQL: Final = Statements(__name__)


@dataclass(frozen=True)
class EventType:
    """One registered event type.

    `payload_keys` lists the permitted top-level keys. If it is None, every key that is not forbidden is
    permitted.
    """

    event_type: str
    event_domain: str
    event_stream: str
    delivery_lane: str
    payload_classification: str
    event_subject_table: str
    payload_keys: list[str] | None
    enabled: bool


def list_types(gateway: Queries) -> list[EventType]:
    """Return every registered type in alphabetical order."""
    return [rows.read(EventType, row) for row in gateway.fetch_all(_SQL["list_types"])]

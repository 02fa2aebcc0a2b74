"""Event types: which events may be emitted, and where they belong.

Stands on ``event_type_registry``.
"""

from __future__ import annotations

from dataclasses import dataclass

from iu_pipelines.db.queries import Queries


@dataclass(frozen=True)
class EventType:
    """One registered type; ``payload_keys`` of None allows every key that is not forbidden."""

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
    rows = gateway.fetch_all(
        """select event_type, event_domain, event_stream, delivery_lane, payload_classification,
                  event_subject_table, payload_keys, enabled
             from public.event_type_registry
            order by event_type"""
    )
    return [EventType(**row) for row in rows]

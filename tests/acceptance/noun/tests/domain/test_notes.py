"""Notes about events."""

from __future__ import annotations

from uuid import uuid4

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import notes, outbox


def test_a_note_is_listed_with_its_event(gateway: Gateway) -> None:
    event_id = outbox.emit(gateway, "version_applied", "docs/a", uuid4(), "test", {})
    number = notes.add(gateway, event_id, "looked at")
    (note,) = notes.recent(gateway)
    assert (note.note_id, note.event_id, note.note) == (number, event_id, "looked at")

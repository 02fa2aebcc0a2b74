"""Where an event came from: a capture of a changed row, a version of a unit, or a caller that emitted it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from iu_pipelines.db.queries import Queries
from iu_pipelines.db.statements import Statements
from iu_pipelines.domain import rows
from iu_pipelines.domain.outbox import Event

_SQL: Final = Statements(__name__)


@dataclass(frozen=True)
class CapturedChange:
    """The row of `iu_inbound_capture` that recorded the change and its event."""

    capture_id: int
    route_code: str
    source_table: str
    source_op: str
    source_ref: UUID | None
    source_key: str | None
    captured_at: datetime


@dataclass(frozen=True)
class UnitVersion:
    """The row of `unit_version` whose insert emitted the event."""

    unit_id: UUID
    version_seq: int
    version_ref: str
    actor_ref: str
    created_at: datetime


@dataclass(frozen=True)
class Origin:
    """Where an event came from. `answer` is one sentence. At most one of the last two fields is set."""

    kind: Literal["capture", "unit_version", "caller"]
    answer: str
    capture: CapturedChange | None
    version: UnitVersion | None


def origin(gateway: Queries, event: Event) -> Origin:
    """Return where an event came from.

    A capture that was recorded after 20,000 others that are later than the event is not found. Then, and for
    an event that no trigger emitted, the answer is the actor that the event names.
    """
    row = gateway.fetch_one(_SQL["capture"], {"event_id": event.event_id})
    if row:
        capture = rows.read(CapturedChange, row)
        changed = capture.source_key or capture.source_ref
        return Origin(
            "capture",
            f"capture {capture.route_code}: {capture.source_op} of {capture.source_table}, row {changed}",
            capture,
            None,
        )
    version = _version(gateway, event)
    if version:
        reference = f" ({version.version_ref})" if version.version_ref else ""
        answer = f"version {version.version_seq:,}{reference} of unit {version.unit_id}"
        return Origin("unit_version", answer, None, version)
    return Origin("caller", f"emitted by a caller as actor {event.actor_ref}", None, None)


def _version(gateway: Queries, event: Event) -> UnitVersion | None:
    number = event.safe_payload.get("version_seq")
    if event.event_type != "version_applied" or not isinstance(number, int) or number >= 2**63:
        return None
    given = {
        "unit_id": event.event_subject_ref,
        "version_seq": number,
        "version_ref": event.safe_payload.get("version_ref"),
    }
    row = gateway.fetch_one(_SQL["version"], given)
    return rows.read(UnitVersion, row) if row else None

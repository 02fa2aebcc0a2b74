"""Information units and their versions.

Stands on `information_unit` and `unit_version`. The trigger of `unit_version` emits `version_applied`
for every version after a unit's first; nothing here writes to the outbox.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from iu_pipelines.db.gateway import Session
from iu_pipelines.db.statements import Statements

_SQL: Final = Statements(__name__)


@dataclass(frozen=True)
class UnitVersion:
    """One row of `unit_version`."""

    unit_id: Annotated[UUID, "the unit"]
    version_seq: Annotated[int, "1 for the first version; later ones emit version_applied"]
    version_ref: Annotated[str, "names the version where it is kept, for example by a commit id"]
    version_facts: Annotated[dict[str, Any], "counts about the version, never its content"]
    actor_ref: Annotated[str, "who made it"]
    created_at: Annotated[datetime, "when the row was written"]


@dataclass(frozen=True)
class Version:
    """One version to store; `ordinal` counts the versions of the source from 1, oldest first."""

    ordinal: int
    canonical_address: str
    version_ref: str
    change: str


@dataclass(frozen=True)
class Stored:
    """What one chunk added; `events_emitted` counts the versions after a unit's first."""

    units_added: int
    versions_added: int
    events_emitted: int


def store_versions(session: Session, versions: Iterable[Version], actor_ref: str) -> Stored:
    """Add those of `versions` that are new, and their units, in the session's transaction.

    Writers of versions are serialised here by an advisory lock, so that numbers have no gap.
    """
    session.execute(_SQL["lock_writers"])
    session.execute(_SQL["create_chunk"])
    chunk = ((v.ordinal, v.canonical_address, v.version_ref, v.change) for v in versions)
    session.copy_rows(_SQL["copy_chunk"], chunk)
    units_added = session.execute(_SQL["add_units"])
    counts = session.fetch_one(_SQL["add_versions"], {"actor_ref": actor_ref}) or {}
    return Stored(units_added=units_added, **counts)

"""Information units and their versions.

A trigger on `unit_version` emits `version_applied` for every version after the first one of a unit. This
module does not write to the outbox itself.
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
    version_ref: Annotated[str, "the id of the version in its source, for example a commit id"]
    version_facts: Annotated[dict[str, Any], "counts about the version, never its content"]
    actor_ref: Annotated[str, "who created the version"]
    created_at: Annotated[datetime, "when the row was written"]


@dataclass(frozen=True)
class Version:
    """One version to store; `ordinal` numbers the versions of the source from 1, oldest first."""

    ordinal: int
    canonical_address: str
    version_ref: str
    change: str


@dataclass(frozen=True)
class Stored:
    """What one chunk added; `events_emitted` counts the versions after the first one of a unit."""

    units_added: int
    versions_added: int
    events_emitted: int


def store_versions(session: Session, versions: Iterable[Version], actor_ref: str) -> Stored:
    """Add the new ones of `versions`, and their units, in the transaction of the session.

    An advisory lock serialises writers, so that version numbers have no gaps.
    """
    session.execute(_SQL["lock_writers"])
    session.execute(_SQL["create_chunk"])
    chunk = ((v.ordinal, v.canonical_address, v.version_ref, v.change) for v in versions)
    session.copy_rows(_SQL["copy_chunk"], chunk)
    units_added = session.execute(_SQL["add_units"])
    counts = session.fetch_one(_SQL["add_versions"], {"actor_ref": actor_ref}) or {}
    return Stored(units_added=units_added, **counts)

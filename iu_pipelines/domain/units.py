"""Information units and their versions.

A trigger on `unit_version` emits `version_applied` for every version of a unit after the first one.
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
    version_seq: Annotated[int, "1 for the first version of the unit; each later one emits version_applied"]
    version_ref: Annotated[str, "the id of the version in its source, for example a commit id"]
    version_facts: Annotated[dict[str, Any], "counts about the version, never its content"]
    actor_ref: Annotated[str, "who wrote the version"]
    created_at: Annotated[datetime, "when the row was written"]


@dataclass(frozen=True)
class Version:
    """One version to store. `ordinal` is its place among the versions of the source, oldest first, from 1."""

    ordinal: int
    canonical_address: str
    version_ref: str
    change: str


@dataclass(frozen=True)
class Stored:
    """The numbers of rows that one call of `store_versions` added."""

    units_added: int
    versions_added: int
    events_emitted: int


def store_versions(session: Session, versions: Iterable[Version], actor_ref: str) -> Stored:
    """Store those of `versions` that are not stored yet, and their units, in the session's transaction.

    An advisory lock serialises writers, so that the numbers of the versions of a unit have no gaps.
    """
    session.execute(_SQL["lock_writers"])
    session.execute(_SQL["create_chunk"])
    chunk = ((v.ordinal, v.canonical_address, v.version_ref, v.change) for v in versions)
    session.copy_rows(_SQL["copy_chunk"], chunk)
    units_added = session.execute(_SQL["add_units"])
    counts = session.fetch_one(_SQL["add_versions"], {"actor_ref": actor_ref}) or {}
    return Stored(units_added=units_added, **counts)

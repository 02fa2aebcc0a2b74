"""Information units and their versions.

Stands on ``information_unit`` and ``unit_version``. The trigger of ``unit_version`` emits ``version_applied``
for every version after a unit's first; nothing here writes to the outbox.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from iu_pipelines.db.gateway import Session


@dataclass(frozen=True)
class UnitVersion:
    """One row of ``unit_version``."""

    unit_id: Annotated[UUID, "the unit"]
    version_seq: Annotated[int, "1 for the first version; later ones emit version_applied"]
    version_ref: Annotated[str, "names the version where it is kept, for example by a commit id"]
    version_facts: Annotated[dict[str, Any], "counts about the version, never its content"]
    actor_ref: Annotated[str, "who made it"]
    created_at: Annotated[datetime, "when the row was written"]


@dataclass(frozen=True)
class Version:
    """One version to store; ``ordinal`` counts the versions of the source from 1, oldest first."""

    ordinal: int
    canonical_address: str
    version_ref: str
    change: str


@dataclass(frozen=True)
class Stored:
    """What one chunk added; ``events_emitted`` counts the versions after a unit's first."""

    units_added: int
    versions_added: int
    events_emitted: int


def store_versions(session: Session, versions: Iterable[Version], actor_ref: str) -> Stored:
    """Add those of *versions* that are new, and their units, in the session's transaction.

    Writers of versions are serialised here by an advisory lock, so that numbers have no gap.
    """
    session.execute(
        "select pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('iu_pipelines.unit_version'))"
    )
    session.execute(_CHUNK_TABLE)
    rows = ((v.ordinal, v.canonical_address, v.version_ref, v.change) for v in versions)
    session.copy_rows(_CHUNK_COPY, rows)
    units_added = session.execute(_ADD_UNITS)
    counts = session.fetch_one(_ADD_VERSIONS, (actor_ref,)) or {}
    return Stored(units_added=units_added, **counts)


_CHUNK_TABLE: Final = """
    create temporary table iu_version_chunk (
        ordinal bigint not null,
        canonical_address text not null,
        version_ref text not null,
        change text not null
    ) on commit drop"""

_CHUNK_COPY: Final = (
    "copy pg_temp.iu_version_chunk (ordinal, canonical_address, version_ref, change) from stdin"
)

_ADD_UNITS: Final = """
    insert into public.information_unit (canonical_address, unit_kind)
    select canonical_address, 'file'
      from pg_temp.iu_version_chunk
     group by canonical_address
     order by min(ordinal)
        on conflict (canonical_address) do nothing"""

_ADD_VERSIONS: Final = """
    with fresh as (
        select unit.unit_id, chunk.version_ref, chunk.change, chunk.ordinal,
               row_number() over (partition by unit.unit_id order by chunk.ordinal) as place
          from pg_temp.iu_version_chunk as chunk
          join public.information_unit as unit on unit.canonical_address = chunk.canonical_address
         where not exists (
               select from public.unit_version as stored
                where stored.unit_id = unit.unit_id and stored.version_ref = chunk.version_ref)
    ), latest as (
        select unit_id,
               coalesce((select stored.version_seq
                           from public.unit_version as stored
                          where stored.unit_id = fresh.unit_id
                          order by stored.version_seq desc
                          limit 1), 0) as version_seq
          from fresh
         group by unit_id
    ), added as (
        insert into public.unit_version (unit_id, version_seq, version_ref, version_facts, actor_ref)
        select fresh.unit_id, latest.version_seq + fresh.place, fresh.version_ref,
               jsonb_build_object('change', fresh.change), %s
          from fresh
          join latest on latest.unit_id = fresh.unit_id
         order by fresh.ordinal
        returning version_seq
    )
    select count(*) as versions_added,
           count(*) filter (where version_seq > 1) as events_emitted
      from added"""

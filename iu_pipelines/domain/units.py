"""Information units and their versions, and how a git repository's history becomes both.

A file is a unit, each commit that touches it a version; the rows hold references only. Stands on
``information_unit`` and ``unit_version``; the trigger of ``unit_version`` emits ``version_applied`` for every
version after a unit's first, and nothing here writes to the outbox.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import islice
from pathlib import PurePath
from typing import Final

from iu_pipelines.db.gateway import Gateway, Session
from iu_pipelines.db.queries import Queries
from iu_pipelines.domain.git_history import (
    FileChange,
    Repository,
    canonical_address,
    count_commits,
    head_commit,
    present_commits,
    read_changes,
)
from iu_pipelines.errors import IuError, UsageError

CHUNK_VERSIONS: Final = 10_000
GIT_ACTOR: Final = "iu_ingest_git"
SAMPLE_ACTOR: Final = "iu_ingest_sample"
SAMPLE_PREFIX: Final = "sample/"
PREFIX_CHARACTERS: Final = 100


class ForeignHistory(IuError):
    """The units under this prefix came from another repository."""


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


@dataclass(frozen=True)
class Progress:
    """How far an ingestion has come; ``commits_total`` is what this reading has to walk."""

    commits_read: int
    commits_total: int
    versions_read: int
    versions_added: int


@dataclass(frozen=True)
class IngestResult:
    """What one ingestion read and added; ``head`` is None where the source has no commit."""

    source: str
    prefix: str
    head: str | None
    commits_read: int
    versions_read: int
    units_added: int
    versions_added: int
    events_emitted: int
    seconds: float


@dataclass(frozen=True)
class Totals:
    """How many units and versions are stored."""

    units: int
    versions: int


def totals(gateway: Queries) -> Totals:
    """Count units and versions; the cost grows with both tables."""
    row = gateway.fetch_one(
        """select (select count(*) from public.information_unit) as units,
                  (select count(*) from public.unit_version) as versions"""
    )
    return Totals(**(row or {"units": 0, "versions": 0}))


def ingest_git(
    gateway: Gateway,
    repository: Repository,
    prefix: str = "",
    on_progress: Callable[[Progress], None] | None = None,
) -> IngestResult:
    """Add what the history of HEAD holds and the database does not, in whole chunks, oldest first.

    A reading that was interrupted goes on from its last chunk. In a shallow clone history begins where it was
    cut, and versions older than that are not added afterwards, for their place is taken.
    Raises UsageError for a prefix that no address can have, ForeignHistory, GitFailed.
    """
    _check_prefix(prefix)
    head = head_commit(repository)
    actor = f"{GIT_ACTOR}:{prefix}" if prefix else GIT_ACTOR
    if head is None:
        return _Tally(gateway, actor).result(str(repository.git_dir), prefix, None)
    known = _known_commits(gateway, repository, actor, prefix)
    total = count_commits(repository, known) if on_progress else 0
    tally = _Tally(gateway, actor, total, on_progress)
    for changes in _chunks(read_changes(repository, known)):
        tally.store(_versions(changes, prefix, tally.versions_read), changes[-1].commit_number)
    return tally.result(str(repository.git_dir), prefix, head)


def ingest_sample(gateway: Gateway) -> IngestResult:
    """Add the small made-up history that is shipped with the package, under the prefix ``sample/``."""
    tally = _Tally(gateway, SAMPLE_ACTOR)
    versions = read_sample()
    tally.store(versions, len({version.version_ref for version in versions}))
    return tally.result("sample", SAMPLE_PREFIX, versions[-1].version_ref)


def read_sample() -> list[Version]:
    """Return the shipped sample, a line a version: commit id, change, path."""
    text = (files("iu_pipelines") / "sample" / "history.tsv").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in text.splitlines())
    return [
        Version(n, SAMPLE_PREFIX + path, ref, change) for n, (ref, change, path) in enumerate(rows, start=1)
    ]


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


class _Tally:
    """Stores chunks, a transaction each, and sums what they added."""

    def __init__(
        self,
        gateway: Gateway,
        actor: str,
        commits_total: int = 0,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> None:
        self._gateway = gateway
        self._actor = actor
        self._commits_total = commits_total
        self._on_progress = on_progress
        self._started = time.monotonic()
        self.commits_read = self.versions_read = 0
        self.units_added = self.versions_added = self.events_emitted = 0

    def store(self, versions: Sequence[Version], commits_read: int) -> None:
        with self._gateway.transaction() as session:
            stored = store_versions(session, versions, self._actor)
        self.commits_read = commits_read
        self.versions_read += len(versions)
        self.units_added += stored.units_added
        self.versions_added += stored.versions_added
        self.events_emitted += stored.events_emitted
        if self._on_progress:
            self._on_progress(
                Progress(commits_read, self._commits_total, self.versions_read, self.versions_added)
            )

    def result(self, source: str, prefix: str, head: str | None) -> IngestResult:
        return IngestResult(
            source=source,
            prefix=prefix,
            head=head,
            commits_read=self.commits_read,
            versions_read=self.versions_read,
            units_added=self.units_added,
            versions_added=self.versions_added,
            events_emitted=self.events_emitted,
            seconds=round(time.monotonic() - self._started, 3),
        )


def _check_prefix(prefix: str) -> None:
    if len(prefix) > PREFIX_CHARACTERS or prefix != canonical_address(
        prefix.encode("utf-8", "surrogateescape")
    ):
        raise UsageError(
            f"the prefix {prefix[:PREFIX_CHARACTERS]!r} cannot begin an address",
            hint=f"Give at most {PREFIX_CHARACTERS} characters, no % or control character, no outer space.",
        )


def _chunks(changes: Iterator[FileChange]) -> Iterator[list[FileChange]]:
    while chunk := list(islice(changes, CHUNK_VERSIONS)):
        yield chunk


def _versions(changes: Sequence[FileChange], prefix: str, before: int) -> list[Version]:
    return [
        Version(ordinal, canonical_address(change.path, prefix), change.commit_id, change.change)
        for ordinal, change in enumerate(changes, start=before + 1)
    ]


def _known_commits(gateway: Gateway, repository: Repository, actor: str, prefix: str) -> list[str]:
    """Return the commits of the newest chunks that this repository holds; none before the first ingestion."""
    rows = gateway.fetch_all(_NEWEST_COMMITS, (actor, CHUNK_VERSIONS))
    refs = [row["version_ref"] for row in rows]
    known = present_commits(repository, refs)
    if refs and not known:
        raise ForeignHistory(
            f"the units under prefix {prefix!r} came from another repository: "
            f"its last commit {refs[0]} is not in {repository.git_dir}",
            hint=f"Give this repository a prefix of its own: --prefix {PurePath(repository.name).name}/",
        )
    return known


_NEWEST_COMMITS: Final = """
    select version_ref
      from public.unit_version
     where actor_ref = %s and version_ref ~ '^([0-9a-f]{40}|[0-9a-f]{64})$'
     group by version_ref
     order by max(created_at) desc
     limit %s"""

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

"""Ingestion of a git history: each file becomes a unit, and each commit that changes it a version.

The rows contain references only. An interrupted ingestion continues after its last committed chunk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import PurePath
from typing import Final

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.statements import Statements
from iu_pipelines.domain.units import Version
from iu_pipelines.errors import IuError, UsageError
from iu_pipelines.ingest.git_history import (
    FileChange,
    Repository,
    canonical_address,
    count_commits,
    head_commit,
    present_commits,
    read_changes,
)
from iu_pipelines.ingest.tally import CHUNK_VERSIONS, IngestResult, Progress, Tally

_SQL: Final = Statements(__name__)

GIT_ACTOR: Final = "iu_ingest_git"
PREFIX_CHARACTERS: Final = 100


class ForeignHistory(IuError):
    """The units with this prefix came from another repository."""


def ingest_git(
    gateway: Gateway,
    repository: Repository,
    prefix: str = "",
    on_progress: Callable[[Progress], None] | None = None,
) -> IngestResult:
    """Add the versions of the history of HEAD that the database does not have, in chunks, oldest first.

    An interrupted ingestion continues after its last committed chunk. In a shallow clone the history begins
    at the shallow commits; older versions cannot be added later, because their version numbers are in use.

    Raises:
        UsageError: no address can begin with the prefix.
        ForeignHistory: the units with this prefix came from another repository.
        GitFailed: git could not read the history.
    """
    _check_prefix(prefix)
    head = head_commit(repository)
    actor = f"{GIT_ACTOR}:{prefix}" if prefix else GIT_ACTOR
    if head is None:
        return Tally(gateway, actor).result(str(repository.git_dir), prefix, None)
    known = _known_commits(gateway, repository, actor, prefix)
    total = count_commits(repository, known) if on_progress else 0
    tally = Tally(gateway, actor, total, on_progress)
    for changes in _chunks(read_changes(repository, known)):
        tally.store(_versions(changes, prefix, tally.versions_read), changes[-1].commit_number)
    return tally.result(str(repository.git_dir), prefix, head)


def _check_prefix(prefix: str) -> None:
    if len(prefix) > PREFIX_CHARACTERS or prefix != canonical_address(
        prefix.encode("utf-8", "surrogateescape")
    ):
        raise UsageError(
            f"the prefix {prefix[:PREFIX_CHARACTERS]!r} is not valid",
            hint=f"Use at most {PREFIX_CHARACTERS} characters without %, control characters, and leading or "
            "trailing white space.",
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
    """Return the newest ingested commits that this repository has; empty before the first ingestion."""
    newest = gateway.fetch_all(_SQL["newest_commits"], {"actor_ref": actor, "max_rows": CHUNK_VERSIONS})
    refs = [row["version_ref"] for row in newest]
    known = present_commits(repository, refs)
    if refs and not known:
        raise ForeignHistory(
            f"the units with prefix {prefix!r} came from another repository: "
            f"their newest commit {refs[0]} is not in {repository.git_dir}",
            hint=f"Use another prefix for this repository: --prefix {PurePath(repository.name).name}/",
        )
    return known

"""A git repository's history as units and versions: a file is a unit, each commit that touches it a version.

The rows hold references only. A reading that was interrupted goes on from its last chunk.
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
    """The units under this prefix came from another repository."""


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
    newest = gateway.fetch_all(_SQL["newest_commits"], {"actor_ref": actor, "max_rows": CHUNK_VERSIONS})
    refs = [row["version_ref"] for row in newest]
    known = present_commits(repository, refs)
    if refs and not known:
        raise ForeignHistory(
            f"the units under prefix {prefix!r} came from another repository: "
            f"its last commit {refs[0]} is not in {repository.git_dir}",
            hint=f"Give this repository a prefix of its own: --prefix {PurePath(repository.name).name}/",
        )
    return known

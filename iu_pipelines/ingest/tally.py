"""Storing of versions in chunks, with counts of what was added."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain.units import Version, store_versions

CHUNK_VERSIONS: Final = 10_000


@dataclass(frozen=True)
class Progress:
    """The progress of an ingestion; `commits_total` is the number of commits that it will read."""

    commits_read: int
    commits_total: int
    versions_read: int
    versions_added: int


@dataclass(frozen=True)
class IngestResult:
    """What one ingestion read and added; `head` is None if the source has no commit."""

    source: str
    prefix: str
    head: str | None
    commits_read: int
    versions_read: int
    units_added: int
    versions_added: int
    events_emitted: int
    seconds: float


class Tally:
    """Stores chunks, each in its own transaction, and counts what they added."""

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
        """Store one chunk in its own transaction, and report the progress."""
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
        """Return what was read and added so far."""
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

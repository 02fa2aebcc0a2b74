"""What the clients know by themselves: what they were told was committed, what they undid, what was cut."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from uuid import UUID


@dataclass
class Ledger:
    """Filled by many threads at once; read when they have ended."""

    committed: list[UUID] = field(default_factory=list)
    undone: list[UUID] = field(default_factory=list)
    uncertain: list[list[UUID]] = field(default_factory=list)
    closed: list[tuple[float, float]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    surprises: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, what: str, by: int = 1) -> None:
        with self._lock:
            self.counts[what] += by

    def commit(self, made: list[UUID]) -> None:
        """The server said that the transaction is committed."""
        with self._lock:
            self.committed += made
            self.counts["commits"] += 1

    def undo(self, made: list[UUID]) -> None:
        """The events of what was undone, or was cut before its commit was asked for."""
        with self._lock:
            self.undone += made
            self.counts["rollbacks"] += 1

    def doubt(self, made: list[UUID]) -> None:
        """The connection was cut while the commit was under way: all of these are there, or none."""
        with self._lock:
            self.uncertain.append(made)
            self.counts["doubts"] += 1

    def surprise(self, what: str) -> None:
        """Something that no scene provokes."""
        with self._lock:
            self.surprises.append(what)

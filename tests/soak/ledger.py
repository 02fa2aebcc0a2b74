"""What the clients know: acknowledged commits, rollbacks, and commits whose outcome is unknown."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID


@dataclass
class Ledger:
    """The knowledge of the clients; written by many threads, read after they have ended."""

    committed: list[UUID] = field(default_factory=list)
    undone: list[UUID] = field(default_factory=list)
    uncertain: list[list[UUID]] = field(default_factory=list)
    prepared: dict[str, list[UUID]] = field(default_factory=dict)
    vanished: int = 0
    epoch: int = 0
    closed: list[tuple[float, float]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    surprises: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, what: str, by: int = 1) -> None:
        with self._lock:
            self.counts[what] += by

    def commit(self, made: list[UUID], epoch: int) -> None:
        """Record an acknowledged commit of a transaction that began in `epoch`."""
        with self._lock:
            if epoch == self.epoch:
                self.committed += made
            else:
                self.uncertain.append(made)
            self.counts["commits"] += 1

    def undo(self, made: list[UUID]) -> None:
        """Record events that were rolled back, or whose connection was lost before the commit was sent."""
        with self._lock:
            self.undone += made
            self.counts["rollbacks"] += 1

    def doubt(self, made: list[UUID]) -> None:
        """Record events whose connection was lost during the commit: all of them exist, or none."""
        with self._lock:
            self.uncertain.append(made)
            self.counts["doubts"] += 1

    def prepare(self, name: str, made: list[UUID]) -> None:
        """Record a transaction that will be prepared under `name`: all of its events will exist, or none."""
        with self._lock:
            self.prepared[name] = made
            self.uncertain.append(made)
            self.counts["prepared"] += 1

    def known(self) -> int:
        """Return the number of events known to be committed now, for `survive`."""
        with self._lock:
            return len(self.committed)

    def survive(
        self, known: int, present: Callable[[Sequence[UUID]], set[UUID]], names: Iterable[str]
    ) -> None:
        """Begin a new epoch on another server, which must have the first `known` committed events.

        `present` returns which of some events exist there; `names` are the transactions that are prepared
        there. Events that were committed later may be missing, and transactions that were committed or rolled
        back later may be prepared again.
        """
        with self._lock:
            self.epoch += 1
            there = present(self.committed)
            missing = [event for event in self.committed[:known] if event not in there]
            self.vanished += len(missing)
            self.surprises += [f"{event} was committed before and is not on the server" for event in missing]
            self.counts["lost with the tail"] += sum(event not in there for event in self.committed[known:])
            open_again = {event for name in names for event in self.prepared.get(name, ())}
            self.committed = [event for event in self.committed if event in there]
            self.undone = [event for event in self.undone if event not in open_again]

    def surprise(self, what: str) -> None:
        """Record an error that no scene provokes."""
        with self._lock:
            self.surprises.append(what)

"""What the clients know by themselves: what they were told was committed, what they undid, what was cut."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID


@dataclass
class Ledger:
    """Filled by many threads at once; read when they have ended."""

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
        """The server said that the transaction, which began in this epoch, is committed."""
        with self._lock:
            if epoch == self.epoch:
                self.committed += made
            else:
                self.uncertain.append(made)
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

    def prepare(self, name: str, made: list[UUID]) -> None:
        """The transaction is about to be prepared under this name: all of it may come later, or none."""
        with self._lock:
            self.prepared[name] = made
            self.uncertain.append(made)
            self.counts["prepared"] += 1

    def known(self) -> int:
        """How many events are known to be committed now: a mark for `survive`."""
        with self._lock:
            return len(self.committed)

    def survive(
        self, known: int, present: Callable[[Sequence[UUID]], set[UUID]], names: Iterable[str]
    ) -> None:
        """Begin a new epoch on another server, which must hold what was known at a moment.

        `present` returns those events that are there, `names` are the transactions that are prepared there.
        What was committed after that moment may be missing; what was done to the prepared ones may not have
        happened.
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
        """Something that no scene provokes."""
        with self._lock:
            self.surprises.append(what)

"""Model of the engine without snapshots: sets of transactions, and positions among their events.

The state machine keeps one `Model`. Each session has a `Draft` of what its open transaction changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

Key = tuple[str, int, str | None]
"""(worker, event number, route): each has one first attempt."""


@dataclass(frozen=True, slots=True)
class Emitted:
    """An event. `number` is its position in the order of emission, `by` its transaction."""

    number: int
    by: int
    event_type: str
    subject: int


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a worker has read: the transactions consumed, those of its window, and positions."""

    consumed: frozenset[int] = frozenset()
    window: frozenset[int] | None = None
    position: int = 0
    own: int = 0
    own_position: int = 0
    event: int | None = None

    def own_after(self, transaction: int) -> int:
        """Return the number up to which the transaction's own events were read."""
        return self.own_position if self.own == transaction else 0


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter; `resolution` is None while it is open."""

    attempts: int = 1
    resolution: str | None = None


@dataclass
class Draft:
    """What one transaction has changed. A cursor in `held` is locked until its end."""

    transaction: int
    events: list[Emitted] = field(default_factory=list)
    held: dict[str, Cursor] = field(default_factory=dict)
    attempts: list[tuple[Key, str]] = field(default_factory=list)
    letters: dict[Key, Letter] = field(default_factory=dict)
    replays: dict[tuple[Key, int], str] = field(default_factory=dict)
    savepoints: list[Draft] = field(default_factory=list)

    def mark(self) -> None:
        """Set a savepoint."""
        self.savepoints.append(self._copied())

    def back(self) -> None:
        """Roll back to the last savepoint and keep it."""
        kept = self.savepoints[-1]._copied()
        self.events, self.held, self.attempts = kept.events, kept.held, kept.attempts
        self.letters, self.replays = kept.letters, kept.replays

    def release(self) -> None:
        """Release the last savepoint."""
        self.savepoints.pop()

    def _copied(self) -> Draft:
        return Draft(
            self.transaction,
            list(self.events),
            dict(self.held),
            list(self.attempts),
            dict(self.letters),
            dict(self.replays),
        )


@dataclass
class Model:
    """The committed state."""

    events: list[Emitted] = field(default_factory=list)
    cursors: dict[str, Cursor] = field(default_factory=dict)
    attempts: list[tuple[Key, str]] = field(default_factory=list)
    letters: dict[Key, Letter] = field(default_factory=dict)
    replays: dict[tuple[Key, int], str] = field(default_factory=dict)
    routes: dict[str, str] = field(default_factory=dict)
    master: bool = True
    worker_gate: bool = True

    def commit(self, draft: Draft) -> None:
        """Commit a draft."""
        self.events += draft.events
        self.cursors |= draft.held
        self.attempts += draft.attempts
        self.letters |= draft.letters
        self.replays |= draft.replays

    def unread(self, draft: Draft, worker: str) -> int:
        """Return the backlog as seen in the draft's transaction."""
        cursor = self.cursor(draft, worker) or Cursor()
        own = sum(event.number > cursor.own_after(draft.transaction) for event in draft.events)
        return own + sum(self._is_unread(cursor, event) for event in self.events)

    def cursor(self, draft: Draft, worker: str) -> Cursor | None:
        return draft.held.get(worker) or self.cursors.get(worker)

    def seek(self, draft: Draft, worker: str, position: str | Emitted) -> None:
        """Move the cursor to `beginning`, `latest` or an event."""
        everything = frozenset(event.by for event in self.events)
        at = Cursor(own=draft.transaction)
        if isinstance(position, Emitted):
            at = replace(at, window=everything, position=position.number)
        elif position == "latest":
            at = replace(at, consumed=everything)
        event = self._target(draft, position)
        draft.held[worker] = replace(at, event=event, own_position=event or 0)

    def run(self, draft: Draft, worker: str, limit: int) -> dict[str, Any]:
        """Invoke the worker once, and return the counts."""
        cursor = self.cursor(draft, worker) or Cursor()
        while True:
            fresh = cursor.window is None
            if fresh:
                everything = frozenset(event.by for event in self.events)
                cursor = replace(cursor, window=everything, position=0)
            claimed = sorted(self._claimable(draft, cursor, fresh), key=lambda event: event.number)[:limit]
            cursor = _advanced(cursor, draft.transaction, claimed, fresh, limit)
            if claimed or fresh:
                break
        counts = self._attempt(draft, worker, claimed)
        draft.held[worker] = replace(cursor, event=claimed[-1].number) if claimed else cursor
        return {"seen": len(claimed), **counts}

    def replay(self, draft: Draft, key: Key) -> dict[str, Any]:
        """Replay a dead letter, and return the answer."""
        letter = (self.letters | draft.letters)[key]
        if not self.master:
            status, decision = "master_gate_closed", None
        else:
            status, decision = "already_resolved", None
            if letter.resolution is None:
                state = self.routes[str(key[2]).split(".")[1]]
                status, decision = "replayed", {"off": "skipped", "dry": "dry_run", "live": "failed"}[state]
                letter = Letter(letter.attempts + 1, "replayed" if state == "dry" else None)
                draft.replays[key, letter.attempts] = decision
            draft.letters[key] = letter
        return {
            "status": status,
            "decision": decision,
            "resolved": letter.resolution is not None,
            "attempt_no": letter.attempts,
        }

    def discard(self, draft: Draft, key: Key) -> str:
        """Close a dead letter, and return the status."""
        letter = (self.letters | draft.letters)[key]
        draft.letters[key] = letter if letter.resolution else Letter(letter.attempts, "discarded")
        return "already_resolved" if letter.resolution else "discarded"

    def _target(self, draft: Draft, position: str | Emitted) -> int | None:
        if isinstance(position, Emitted):
            return position.number
        if position == "beginning":
            return None
        return max((event.number for event in [*self.events, *draft.events]), default=None)

    def _is_unread(self, cursor: Cursor, event: Emitted) -> bool:
        if event.by in cursor.consumed:
            return False
        return cursor.window is None or event.by not in cursor.window or event.number > cursor.position

    def _claimable(self, draft: Draft, cursor: Cursor, fresh: bool) -> Iterator[Emitted]:
        assert cursor.window is not None
        for event in self.events:
            if event.by in cursor.window - cursor.consumed and event.number > cursor.position:
                yield event
        if fresh:
            after = cursor.own_after(draft.transaction)
            yield from (event for event in draft.events if event.number > after)

    def _attempt(self, draft: Draft, worker: str, claimed: list[Emitted]) -> dict[str, int]:
        known = {key for key, _ in self.attempts} | {key for key, _ in draft.attempts}
        decisions = []
        for event in claimed:
            state = self.routes.get(event.event_type, "off")
            route = None if state == "off" else f"iu.{event.event_type}.workflow"
            key = (worker, event.number, route)
            if key not in known:
                decision = {"off": "skipped", "dry": "dry_run", "live": "failed"}[state]
                decisions.append(decision)
                draft.attempts.append((key, decision))
                if decision == "failed":
                    draft.letters[key] = Letter()
        return {
            "attempts_written": len(decisions),
            "skipped": decisions.count("skipped"),
            "dead_lettered": decisions.count("failed"),
        }


def _advanced(cursor: Cursor, transaction: int, claimed: list[Emitted], fresh: bool, limit: int) -> Cursor:
    last = claimed[-1].number if claimed else 0
    if fresh:
        own_position = max(cursor.own_after(transaction), last)
        cursor = replace(cursor, own=transaction, own_position=own_position)
    if len(claimed) < limit:
        assert cursor.window is not None
        return replace(cursor, consumed=cursor.window, window=None, position=0)
    return replace(cursor, position=max(cursor.position, last))

"""Following new events and new attempts while they are committed.

An event is shown once, also if its transaction commits after that of a later event: each poll reads what the
present snapshot shows and the former one does not (decision 016). No snapshot is held between two polls.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.queries import ONE_SNAPSHOT, Queries
from iu_pipelines.db.statements import Statements
from iu_pipelines.domain import attempts, events, rows
from iu_pipelines.domain.attempts import Attempt
from iu_pipelines.domain.outbox import Event
from iu_pipelines.domain.worker import Batch
from iu_pipelines.errors import CursorPositionUnknown, UsageError

PAGE: Final = 1_000
"""The number of rows that are read at once."""

_SQL: Final = Statements(__name__)

_FIRST_PAGE: Final[dict[str, Any]] = {"until_snapshot": None, "after_xid": None, "after_seq": None}


@dataclass(frozen=True)
class Wanted:
    """What to show. A filter that is None matches everything.

    A worker or a route selects attempts. With one of them no events are shown.
    """

    event_type: str | None = None
    domain: str | None = None
    attempts: bool = False
    worker_name: str | None = None
    route_code: str | None = None

    @property
    def shows_events(self) -> bool:
        """Whether events are shown."""
        return self.worker_name is None and self.route_code is None

    @property
    def shows_attempts(self) -> bool:
        """Whether attempts are shown."""
        return self.attempts or not self.shows_events

    def has_event(self, event: Event) -> bool:
        """Return whether to show an event."""
        return self.event_type in (None, event.event_type) and self.domain in (None, event.event_domain)

    def has_attempt(self, attempt: Attempt) -> bool:
        """Return whether to show an attempt, apart from the type and the domain of its event."""
        return self.worker_name in (None, attempt.worker_name) and self.route_code in (
            None,
            attempt.route_code,
        )


@dataclass
class _Replays:
    """The replays that were seen, which may commit in another order than that of their ids.

    All replays up to `floor` were seen, and beyond it those of `known`. `mark_id` will be the next floor:
    transactions with an id after `mark_xid` draw higher attempt ids.
    """

    floor: int = 0
    known: set[int] = field(default_factory=set)
    mark_xid: int | None = None
    mark_id: int = 0

    def raise_floor(self, snapshot: str) -> None:
        """Raise the floor to the mark if no transaction from before the mark is open in `snapshot`."""
        if self.mark_xid is not None and self.mark_xid <= int(snapshot.partition(":")[0]):
            self.floor, self.mark_xid = self.mark_id, None
            self.known = {one for one in self.known if one > self.floor}

    def needs_mark(self) -> bool:
        """Return whether there are replays beyond the floor, and no mark."""
        return self.mark_xid is None and bool(self.known)

    def set_mark(self, own_xid: int) -> None:
        """Set the mark to the highest replay that was seen before `own_xid` was assigned."""
        self.mark_xid, self.mark_id = own_xid, max(self.known)


class Tail:
    """A reader of new events and attempts of one outbox.

    `start` returns the newest rows; each iteration over `poll` yields what was committed since. Both are to
    be read to the end. If `poll` raises because the connection was lost, call it again: it continues after
    the last row that it yielded. Reads only, and needs the rights of `iu_auditor`.
    """

    def __init__(self, gateway: Gateway, wanted: Wanted) -> None:
        self._gateway = gateway
        self._wanted = wanted
        self._snapshot = ""
        self._page = _FIRST_PAGE
        self._anchor: UUID | None = None
        self._batches: dict[str, int] = {}
        self._last_attempt = 0
        self._replays = _Replays()

    def start(self, newest: int) -> list[Event | Attempt]:
        """Return the newest `newest` events, then attempts, each oldest first, and begin after them.

        Raises:
            BatchLimitInvalid: `newest` is more than 10,000.
            UsageError: the server is a standby.
        """
        with self._gateway.transaction() as session:
            session.execute(ONE_SNAPSHOT)
            position = session.fetch_one(_SQL["position"]) or {}
            if position["is_standby"]:
                raise UsageError(
                    "the server is a standby, whose snapshots do not list open transactions",
                    hint="Give the URL of the primary.",
                )
            self._snapshot, self._anchor = position["snapshot"], position["anchor_key"]
            found: list[Event | Attempt] = []
            if newest and self._wanted.shows_events:
                chosen = events.Chosen(self._wanted.event_type, self._wanted.domain)
                found += reversed(events.newest(session, chosen, newest).events)
            if self._wanted.shows_attempts:
                self._begin_attempts(session)
                recent = attempts.recent(session, newest) if newest else []
                found += self._selected(session, list(reversed(recent)))
        return found

    def _begin_attempts(self, session: Queries) -> None:
        known = session.fetch_all(_SQL["newest_batches"])
        self._batches = {row["worker_name"]: row["batch_id"] for row in known if row["batch_id"]}
        replays = session.fetch_all(_SQL["newest_replays"], {"max_rows": PAGE})
        ids = {row["attempt_id"] for row in replays}
        self._replays = _Replays(min(ids) - 1 if len(ids) == PAGE else 0, ids)

    def poll(self) -> Iterator[Event | Attempt]:
        """Yield the events and then the attempts that were committed since the last poll.

        The events of a page are in the order of `event_seq`; a page ends within a transaction only if that
        has more than PAGE events.

        Raises:
            CursorPositionUnknown: the outbox was restored, or is on another server than before.
            ConnectionFailed: the connection was lost.
        """
        for event in self._new_events():
            if self._wanted.shows_events and self._wanted.has_event(event):
                yield event
        if self._wanted.shows_attempts:
            yield from self._new_attempts()

    def _new_events(self) -> Iterator[Event]:
        if not self._wanted.shows_events:
            self._move_to(self._gateway.fetch_one(_SQL["position"]) or {})
            return
        is_last = False
        while not is_last:
            given = {"after_snapshot": self._snapshot, "event_domain": self._wanted.domain, "max_rows": PAGE}
            found = self._gateway.fetch_all(_SQL["poll"], given | self._page)
            self._require_same_outbox(found[0])
            page = rows.read_present(Event, found, "event_id")
            yield from sorted(page, key=lambda event: event.event_seq)
            is_last = len(page) < PAGE
            if is_last:
                self._snapshot, self._page = found[0]["snapshot"], _FIRST_PAGE
            else:
                self._page = {
                    "until_snapshot": found[0]["snapshot"],
                    "after_xid": page[-1].emitted_xid,
                    "after_seq": page[-1].event_seq,
                }

    def _move_to(self, position: dict[str, Any]) -> None:
        self._require_same_outbox(position)
        self._snapshot = position["snapshot"]

    def _require_same_outbox(self, position: dict[str, Any]) -> None:
        """Raise CursorPositionUnknown if transaction ids no longer mean what they did."""
        before, now = (int(snapshot.split(":")[1]) for snapshot in (self._snapshot, position["snapshot"]))
        if position["anchor_key"] != self._anchor or now < before:
            raise CursorPositionUnknown(
                "the outbox was restored, or the URL leads to another server than before",
                hint="Begin again: iu tail",
            )

    def _new_attempts(self) -> Iterator[Attempt]:
        while found := self._gateway.fetch_all(
            _SQL["batches_after"], {"after": dict(self._batches), "max_rows": PAGE}
        ):
            for batch in (rows.read(Batch, row) for row in found):
                if self._wanted.worker_name in (None, batch.worker_name):
                    for page in _attempts_of(self._gateway, batch.batch_id):
                        unseen = [one for one in page if one.attempt_id > self._last_attempt]
                        yield from self._selected(self._gateway, unseen)
                        self._last_attempt = max(self._last_attempt, *(one.attempt_id for one in page), 0)
                self._last_attempt = 0
                self._batches[batch.worker_name] = batch.batch_id
        yield from self._new_replays()

    def _new_replays(self) -> Iterator[Attempt]:
        snapshot = self._gateway.fetch_value(_SQL["snapshot"])
        while True:
            page = self._page_of_replays()
            yield from self._selected(self._gateway, page)
            self._replays.known.update(attempt.attempt_id for attempt in page)
            if len(page) < PAGE:
                break
        self._replays.raise_floor(snapshot)
        if self._replays.needs_mark():
            # The id of an open transaction can be higher than a snapshot shows, so the mark needs an own id.
            self._replays.set_mark(self._gateway.fetch_value(_SQL["own_xid"]))

    def _page_of_replays(self) -> list[Attempt]:
        given = {"floor": self._replays.floor, "known": list(self._replays.known), "max_rows": PAGE}
        found = self._gateway.fetch_all(_SQL["replays_after"], given)
        return [rows.read(Attempt, row) for row in found]

    def _selected(self, queries: Queries, page: Sequence[Attempt]) -> list[Attempt]:
        """Return the attempts to show."""
        kept = [attempt for attempt in page if self._wanted.has_attempt(attempt)]
        if self._wanted.event_type is None and self._wanted.domain is None:
            return kept
        given = {
            "event_ids": [attempt.event_id for attempt in kept],
            "event_type": self._wanted.event_type,
            "event_domain": self._wanted.domain,
        }
        chosen = {row["event_id"] for row in queries.fetch_all(_SQL["chosen_events"], given)}
        return [attempt for attempt in kept if attempt.event_id in chosen]


def _attempts_of(gateway: Queries, batch_id: int) -> Iterator[list[Attempt]]:
    """Yield the attempts of a batch page by page, oldest first.

    The function of the database returns the newest first. So the start of each page is found before the
    pages are read, and a batch of 100,000 events is never in memory as a whole.
    """
    starts: list[int | None] = [None]
    page = attempts.for_batch(gateway, batch_id, PAGE)
    while len(page) == PAGE:
        starts.append(page[0].attempt_id)
        page = attempts.for_batch(gateway, batch_id, PAGE, starts[-1])
    yield page
    for before in reversed(starts[:-1]):
        yield attempts.for_batch(gateway, batch_id, PAGE, before)

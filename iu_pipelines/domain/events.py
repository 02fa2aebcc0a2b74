"""Events: the newest ones, and why one was not delivered, from its emission to the attempts of each worker.

Every question has a bounded cost, whatever the size of the outbox and of the audit. Nothing is written or
locked, and `iu_auditor` may ask.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from iu_pipelines.db.queries import Queries
from iu_pipelines.db.statements import Statements
from iu_pipelines.domain import attempts, deliveries, event_origins, gates, route_rules, rows, worker
from iu_pipelines.domain.attempts import Attempt
from iu_pipelines.domain.dead_letters import DeadLetter
from iu_pipelines.domain.deliveries import DeliveryState
from iu_pipelines.domain.event_origins import Origin
from iu_pipelines.domain.event_types import EventType
from iu_pipelines.domain.gates import Gate, GateChange
from iu_pipelines.domain.health import at_least
from iu_pipelines.domain.outbox import Event
from iu_pipelines.domain.route_rules import RouteRule
from iu_pipelines.domain.routes import Route
from iu_pipelines.domain.times import shown
from iu_pipelines.domain.worker import Batch, Seek

_SQL: Final = Statements(__name__)
HOLDERS: Final = {gates.MASTER: "master", gates.WORKER: "worker"}
"""The gates that hold events, with the names of `WorkerAnswer.held_by`."""

_NO_DELIVERY: Final = {"not_promoted", "not_for_route"}
_UUIDV7: Final = 7

WINDOW: Final = 10_000
"""The number of newest events among which filters without an index select."""

ReadingStatus = Literal["attempted", "other_domain", "refused", "retired", "waiting", "passed", "unattempted"]


@dataclass(frozen=True)
class Chosen:
    """A filter of events. A field that is None matches every event."""

    event_type: str | None = None
    domain: str | None = None
    subject: UUID | None = None
    since: datetime | None = None
    address: str | None = None

    @property
    def searches(self) -> bool:
        """Whether events must be read that do not match. Only the domain has an index."""
        searched = (self.event_type, self.subject, self.since, self.address)
        return any(value is not None for value in searched)


@dataclass(frozen=True)
class Newest:
    """Events, newest first, and where they were searched.

    `events_read` events down to `oldest_seq` were searched. If `is_bounded` is true, older ones may match.
    """

    events: tuple[Event, ...]
    events_read: int
    oldest_seq: int | None
    is_bounded: bool


@dataclass(frozen=True)
class Reading:
    """How far one worker is with an event.

    `status` is `attempted` (it has an attempt), `other_domain` (the worker never reads it), `refused` (runs
    raise IU501, `difference` says why), `retired` (the worker is retired and did not read it), `waiting`,
    `passed` (a seek skipped it), or `unattempted` (it was read, but its attempt is missing).
    `event_domain` is the domain that the worker reads. `events_before` is the number of unread events with a
    lower `event_seq`, and a lower bound if `events_before_capped` is true.
    """

    status: ReadingStatus
    worker_name: str
    event_domain: str
    difference: str | None
    events_before: int
    events_before_capped: bool
    retired_at: datetime | None
    last_run_at: datetime | None
    cursor_event_id: UUID | None
    cursor_created_at: datetime | None


@dataclass(frozen=True)
class RetentionRound:
    """The newest round of retention of one domain. It deleted events that were emitted up to `newest_at`."""

    event_domain: str
    newest_at: datetime
    dropped_at: datetime


@dataclass(frozen=True)
class RouteAnswer:
    """What one worker did with the event for one route. `answer` is one sentence.

    `route_code` is None if no route of the type was enabled. `route` is None if the route does not exist or
    its type is another one. `attempt` is the newest attempt.
    """

    answer: str
    route_code: str | None
    route: Route | None
    attempt: Attempt | None
    dead_letter: DeadLetter | None


@dataclass(frozen=True)
class WorkerAnswer:
    """Why one worker has not delivered the event. `answer` is one sentence.

    `held_by` has the names of the closed gates for which the unread event waits, the master gate first.
    `seek` is the newest seek of the worker, if one skipped the event. `routes` is empty before the first
    attempt.
    """

    answer: str
    reading: Reading
    held_by: tuple[str, ...]
    seek: Seek | None
    routes: tuple[RouteAnswer, ...]


@dataclass(frozen=True)
class Explanation:
    """Why an event was not delivered. `answer` is one sentence for each worker.

    `event` is None if no such event is stored. Then `workers` and `routes` are empty, and `retention` has the
    newest round of each domain. `event_type` is None if the type is not registered. `routes` are those of the
    type now; `attempts`, their `batches` and `dead_letters` are those of every worker, oldest first.
    `gate_changes` has the newest recorded change of each closed gate. `rules` says for each worker that reads
    the domain, and each route, why the route matches. `deliveries` has its state on each route that may be
    live, if the module iu-delivery is installed.
    """

    answer: str
    event_id: UUID
    event: Event | None
    event_type: EventType | None
    gates: tuple[Gate, ...]
    routes: tuple[Route, ...]
    workers: tuple[WorkerAnswer, ...]
    attempts: tuple[Attempt, ...]
    dead_letters: tuple[DeadLetter, ...]
    retention: tuple[RetentionRound, ...]
    origin: Origin | None = None
    gate_changes: tuple[GateChange, ...] = ()
    rules: tuple[RouteRule, ...] = ()
    batches: tuple[Batch, ...] = ()
    deliveries: tuple[DeliveryState, ...] = ()


def newest(gateway: Queries, chosen: Chosen, limit: int = 20, before: int | None = None) -> Newest:
    """Return the newest events that match, by `event_seq`, newest first.

    A filter by type, subject, address or time is applied to the newest WINDOW events of the domain, or of all
    domains, because it has no index. With `before`, only events with a lower `event_seq` are read: the next
    page.

    Raises:
        BatchLimitInvalid: the limit is outside 1 to 10,000.
    """
    window = WINDOW if chosen.searches else limit
    given = {**vars(chosen), "before": before, "window": window, "max_rows": limit}
    found = gateway.fetch_all(_SQL["newest"], given)
    matching = tuple(rows.read_present(Event, found, "event_id"))
    oldest_at, events_read = found[0]["oldest_at"], found[0]["events_read"]
    is_past = chosen.since is not None and oldest_at is not None and oldest_at < chosen.since
    return Newest(
        matching,
        events_read,
        found[0]["oldest_seq"],
        is_bounded=chosen.searches and events_read == window and len(matching) < limit and not is_past,
    )


def get(gateway: Queries, event_id: UUID) -> Event | None:
    """Return one event, or None if it is not stored."""
    row = gateway.fetch_one(_SQL["event"], {"event_id": event_id})
    return rows.read(Event, row) if row else None


def why(gateway: Queries, event_id: UUID, workers: Sequence[str]) -> Explanation:
    """Return why the event was not delivered by each of `workers`.

    An unknown event is an answer, not an error.

    Raises:
        ArgumentInvalid: the name of a worker is not valid.
    """
    row = gateway.fetch_one(_SQL["event"], {"event_id": event_id})
    # The position of each cursor is read before the attempts: an event that was read has its attempts.
    readings = [_reading(gateway, event_id, name) for name in workers] if row else []
    found = _Found(
        tuple(gates.list_gates(gateway)),
        _routes(gateway, str(row["event_type"]) if row else ""),
        tuple(attempts.for_event(gateway, event_id)),
        _letters(gateway, event_id),
        _deliveries(gateway, event_id),
    )
    if row is None or None in readings:
        return _not_stored(gateway, event_id, found)
    event = rows.read(Event, row)
    answers = tuple(_worker(gateway, event, reading, found) for reading in readings if reading)
    return Explanation(
        answer=_joined(answers) + _without_reader(gateway, event, readings),
        event_id=event_id,
        event=event,
        event_type=_event_type(gateway, event.event_type),
        gates=found.gates,
        routes=found.routes,
        workers=answers,
        attempts=found.attempts,
        dead_letters=found.letters,
        retention=(),
        origin=event_origins.origin(gateway, event),
        gate_changes=_gate_changes(gateway, found.gates),
        rules=_rules(gateway, event, answers, found),
        batches=_batches(gateway, found.attempts),
        deliveries=found.deliveries,
    )


def _deliveries(gateway: Queries, event_id: UUID) -> tuple[DeliveryState, ...]:
    """Return the state of an event on each live route; none if the module iu-delivery is not installed."""
    return tuple(deliveries.why(gateway, event_id)) if deliveries.is_installed(gateway) else ()


def only(found: Explanation, workers: Collection[str]) -> Explanation:
    """Return an explanation with the attempts, batches and dead letters of some workers only."""
    return replace(
        found,
        attempts=tuple(one for one in found.attempts if one.worker_name in workers),
        batches=tuple(one for one in found.batches if one.worker_name in workers),
        dead_letters=tuple(one for one in found.dead_letters if one.worker_name in workers),
    )


def workers(gateway: Queries, event_id: UUID) -> tuple[str, ...]:
    """Return the workers to ask about an event, by name: all that are in use, and retired ones that tried it.

    Before the first worker has run, it is the default worker.
    """
    tried = {one.worker_name for one in attempts.for_event(gateway, event_id)}
    tried |= {one.worker_name for one in _letters(gateway, event_id)}
    known = worker.list_workers(gateway)
    asked = tuple(one.worker_name for one in known if not one.retired_at or one.worker_name in tried)
    return asked or (worker.DEFAULT_WORKER,)


@dataclass(frozen=True)
class _Found:
    """What is known of the event, for all workers."""

    gates: tuple[Gate, ...]
    routes: tuple[Route, ...]
    attempts: tuple[Attempt, ...]
    letters: tuple[DeadLetter, ...]
    deliveries: tuple[DeliveryState, ...]

    def of_worker(self, name: str) -> _Found:
        """Return the attempts and letters of one worker."""
        return _Found(
            self.gates,
            self.routes,
            tuple(one for one in self.attempts if one.worker_name == name),
            tuple(one for one in self.letters if one.worker_name == name),
            self.deliveries,
        )

    def closed(self) -> tuple[str, ...]:
        """Return the names of the closed gates that stop the worker, the master gate first."""
        return tuple(HOLDERS[one.key] for one in self.gates if one.key in HOLDERS and not one.is_open)

    def is_delivered_on(self, route_code: str | None) -> bool:
        """Return whether the route is or was live for this event, whatever became of the delivery."""
        return any(one.route_code == route_code and one.state not in _NO_DELIVERY for one in self.deliveries)

    def enabled(self) -> tuple[str, ...]:
        """Return the codes of the enabled routes."""
        return tuple(route.route_code for route in self.routes if route.enabled)


def _reading(gateway: Queries, event_id: UUID, worker_name: str) -> Reading | None:
    answer = gateway.fetch_value(_SQL["reading"], {"event_id": event_id, "worker_name": worker_name})
    return rows.read(Reading, answer) if answer else None


def _routes(gateway: Queries, event_type: str) -> tuple[Route, ...]:
    found = gateway.fetch_all(_SQL["routes"], {"event_type": event_type})
    return tuple(rows.read(Route, row) for row in found)


def _letters(gateway: Queries, event_id: UUID) -> tuple[DeadLetter, ...]:
    found = gateway.fetch_all(_SQL["letters"], {"event_id": event_id})
    return tuple(rows.read(DeadLetter, row) for row in found)


def _event_type(gateway: Queries, event_type: str) -> EventType | None:
    row = gateway.fetch_one(_SQL["event_type"], {"event_type": event_type})
    return rows.read(EventType, row) if row else None


def _gate_changes(gateway: Queries, known: Iterable[Gate]) -> tuple[GateChange, ...]:
    """Return the newest recorded change of each closed gate; none of a gate that was never changed."""
    closed = [gate.key for gate in known if not gate.is_open]
    return tuple(change for key in closed for change in gates.history(gateway, key, limit=1))


def _batches(gateway: Queries, tries: Iterable[Attempt]) -> tuple[Batch, ...]:
    numbers = sorted({one.batch_id for one in tries if one.batch_id is not None})
    found = (worker.batch(gateway, number) for number in numbers)
    return tuple(one for one in found if one)


def _rules(
    gateway: Queries, event: Event, answers: Iterable[WorkerAnswer], found: _Found
) -> tuple[RouteRule, ...]:
    """Return the rule of each route of the type, and of each that was tried, for each of the workers."""
    codes = [*(one.route_code for one in found.routes), *(one.route_code for one in found.attempts)]
    known = route_rules.versions(gateway, list(dict.fromkeys(code for code in codes if code)))
    rules: list[RouteRule] = []
    for answer in answers:
        reading = answer.reading
        tries = found.of_worker(reading.worker_name).attempts
        read_at = tries[0].created_at if tries else None
        if tries or reading.status in ("waiting", "refused", "unattempted"):
            rules += (
                route_rules.rule(reading.worker_name, event.event_type, code, known, read_at)
                for code in known
            )
    return tuple(rules)


def _joined(answers: Sequence[WorkerAnswer]) -> str:
    """Return the sentences of all workers; with several, each begins with the name of its worker."""
    if len(answers) == 1:
        return answers[0].answer
    return "; ".join(f"{one.reading.worker_name}: {one.answer}" for one in answers) or "no worker is given"


def _without_reader(gateway: Queries, event: Event, readings: Iterable[Reading | None]) -> str:
    """Return the end of the answer if no worker of the event's domain will read the event, or nothing."""
    given = {"event_domain": event.event_domain}
    if any(one and one.status not in ("other_domain", "retired") for one in readings):
        return ""
    if gateway.fetch_value(_SQL["has_reader"], given):
        return ""
    return (
        f"; no worker reads domain {event.event_domain}: "
        f"iu worker add NAME --domain {shlex.quote(event.event_domain)} --reason WHY"
    )


def _worker(gateway: Queries, event: Event, reading: Reading, found: _Found) -> WorkerAnswer:
    own = found.of_worker(reading.worker_name)
    if own.attempts or own.letters:
        routes = _route_answers(event, own)
        return WorkerAnswer("; ".join(one.answer for one in routes), reading, (), None, routes)
    seeks = worker.seeks(gateway, reading.worker_name, limit=1) if reading.status == "passed" else []
    seek = seeks[0] if seeks else None
    held_by = own.closed() if reading.status == "waiting" else ()
    return WorkerAnswer(_unread(event, reading, own, seek), reading, held_by, seek, ())


def _unread(event: Event, reading: Reading, own: _Found, seek: Seek | None) -> str:
    """Return the sentence for an event without attempts of this worker."""
    name = reading.worker_name
    match reading.status:
        case "waiting":
            return _waiting(event, reading, own)
        case "other_domain" | "retired":
            return _never(event, reading)
        case "refused":
            return f"not read: runs of worker {name} are refused (IU501): {reading.difference}"
        case "passed" if seek:
            return (
                f"passed: {seek.sought_by} moved worker {name} to {seek.position} "
                f"at {shown(seek.sought_at)}, past the event: {seek.reason}"
            )
        case "passed":
            return f"passed: a seek moved worker {name} past the event"
    return (
        f"lost: worker {name} has read the event, but its attempt is missing: stop the worker and report it"
    )


def _never(event: Event, reading: Reading) -> str:
    start = f"not read: worker {reading.worker_name}"
    if reading.status == "retired":
        return f"{start} was retired at {shown(reading.retired_at)}"
    return f"{start} reads domain {reading.event_domain}, not {event.event_domain}"


def _waiting(event: Event, reading: Reading, own: _Found) -> str:
    before = at_least(reading.events_before, capped=reading.events_before_capped)
    closed = own.closed()
    start = f"held: the {' gate and the '.join(closed)} gate" if closed else "not read yet"
    if closed:
        start += " is closed" if len(closed) == 1 else " are closed"
    never = "" if reading.last_run_at else f"; worker {reading.worker_name} has not run yet"
    route = "" if own.enabled() else f"; no enabled route for type {event.event_type}"
    place = f": {before} {'event' if before == '1' else 'events'} before it"
    if before == "0":
        place = "; it is next" if closed else ": it is next"
    return f"{start}{place}{never}{route}"


def _route_answers(event: Event, own: _Found) -> tuple[RouteAnswer, ...]:
    """Return one answer for each route with an attempt or a letter, in the order of the first of them."""
    newest = {one.route_code: one for one in own.attempts}
    letters = {one.route_code: one for one in own.letters}
    known = {route.route_code: route for route in own.routes}
    return tuple(
        RouteAnswer(
            _decided(event, newest.get(code), letters.get(code), own),
            code,
            known.get(code or ""),
            newest.get(code),
            letters.get(code),
        )
        for code in dict.fromkeys([*newest, *letters])
    )


def _decided(event: Event, attempt: Attempt | None, letter: DeadLetter | None, own: _Found) -> str:
    if letter and letter.resolution != "replayed":
        return _failed(letter, own)
    if attempt is None:
        return "replayed: the dead letter is closed"
    after = f", after dead letter {letter.dead_letter_id}" if letter else ""
    match attempt.decision:
        case "dry_run":
            return f"dry_run: {_unsent(attempt.route_code, own)}{after}"
        case "skipped":
            since = f"; enabled now: {', '.join(own.enabled())}" if own.enabled() else ""
            return (
                f"skipped: no enabled route for type {event.event_type} "
                f"when it was read at {shown(attempt.created_at)}{since}"
            )
        case "sent":
            return f"sent: route {attempt.route_code} delivered it at {shown(attempt.created_at)}{after}"
    return f"{attempt.decision}: route {attempt.route_code}: {attempt.error_detail}"


def _unsent(route_code: str | None, own: _Found) -> str:
    if own.is_delivered_on(route_code):
        return f"this worker sends nothing; see the delivery on {route_code}"
    return f"route {route_code} is a dry run: nothing is sent"


def _failed(letter: DeadLetter, own: _Found) -> str:
    start = f"failed: route {letter.route_code}: {letter.failure_detail}; dead letter {letter.dead_letter_id}"
    if letter.resolution:
        closed = f"{letter.resolution} by {letter.resolved_by} at {shown(letter.resolved_at)}"
        return f"{start} was {closed}: {letter.resolution_reason}"
    held = "; the master gate is closed" if "master" in own.closed() else ""
    tried = f"{letter.attempts:,} {'attempt' if letter.attempts == 1 else 'attempts'}"
    return f"{start} is open after {tried}, next replay at {shown(letter.next_replay_at)}{held}"


def _not_stored(gateway: Queries, event_id: UUID, found: _Found) -> Explanation:
    newest = gateway.fetch_all(_SQL["newest_rounds"])
    rounds = tuple(rows.read(RetentionRound, row) for row in newest)
    return Explanation(
        answer=_missing(event_id, found.letters, rounds),
        event_id=event_id,
        event=None,
        event_type=None,
        gates=found.gates,
        routes=(),
        workers=(),
        attempts=found.attempts,
        dead_letters=found.letters,
        retention=rounds,
    )


def _missing(event_id: UUID, letters: Sequence[DeadLetter], rounds: Iterable[RetentionRound]) -> str:
    """Return the sentence for an event that is not stored.

    Retention does not record the ids that it deleted. So the time in the id is compared with its rounds.
    """
    dropped = [
        f"domain {one.event_domain} up to {shown(one.newest_at)}" for one in rounds if _is_old(event_id, one)
    ]
    remains = ""
    if letters:
        remains = f"; its dead letter {letters[-1].dead_letter_id} is {letters[-1].resolution or 'open'}"
    if dropped:
        return f"not stored: retention deleted the events of its time ({'; '.join(dropped)}){remains}"
    return (
        f"no such event: no event {event_id} is stored{remains}; its transaction may have rolled back or "
        "still be open (iu doctor shows open transactions)"
    )


def _is_old(event_id: UUID, newest: RetentionRound) -> bool:
    """Return whether the time in a UUIDv7 is not after the newest event that retention has deleted."""
    if event_id.version != _UUIDV7:
        return False
    return event_id.int >> 80 <= newest.newest_at.timestamp() * 1000

"""The engine compared with its model: random interleavings of sessions, every answer predicted exactly.

`IU_LONG=1` runs the long form, which takes minutes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from databases import Server
from engine import broken
from engine.sessions import Session, emit, health, opened, replay, run, seek, set_gate, value
from properties.model import Draft, Emitted, Key, Letter, Model

LONG = os.environ.get("IU_LONG") == "1"

SEED = 4
"""Of the short form: with it the model finds each broken engine in the first five examples."""

TYPES = ("version_applied", "structure_piece_split", "sql_link_created")
WORKERS = st.sampled_from(["one", "two", "three"])
SESSIONS = st.integers(0, 2)
LIMITS = st.sampled_from([1, 2, 3, 5, 19])
SUBJECTS = st.integers(1, 5)

_ATTEMPTS = """
select a.worker_name, a.event_id, a.route_code, a.decision from public.iu_route_attempt as a
where a.attempt_no = 1 order by a.attempt_id
"""
_LETTERS = """
select l.worker_name, l.event_id, l.route_code, l.attempts, l.resolution from public.iu_route_dead_letter as l
"""
_REPLAYS = """
select a.worker_name, a.event_id, a.route_code, a.attempt_no, a.decision from public.iu_route_attempt as a
where a.attempt_no > 1
"""
_CURSORS = (
    "select worker_name, cursor_event_id::text from public.iu_route_worker_cursor "
    "where worker_name in ('one', 'two', 'three')"
)
_UNATTEMPTED = """
select count(*) from public.iu_route_worker_cursor as c
cross join lateral public.fn_iu_cursor_unattempted(c, 100000)
"""


class Engine(RuleBasedStateMachine):
    """Three sessions and three workers on one new database."""

    new_database: Callable[[], str]

    @initialize()
    def begin_with_an_empty_outbox(self) -> None:
        self.model = Model(routes={"version_applied": "dry", "structure_piece_split": "dry"})
        self.drafts: list[Draft | None] = [None] * 3
        self.transactions = 0
        self.numbers: dict[UUID, int] = {}
        self.sought: set[str] = set()
        self.url = type(self).new_database()
        self.sessions = [
            psycopg.connect(self.url, autocommit=True, options="-c lock_timeout=3s") for _ in range(3)
        ]
        self.judge = psycopg.connect(self.url, autocommit=True)
        self.judge.execute("alter table public.iu_outbound_route drop constraint dry_run_is_enforced")
        # The model has no flood guard; tests/concurrency tests it.
        broken.no_flood_guard(self.judge)

    def teardown(self) -> None:
        if hasattr(self, "sessions"):
            try:
                self._end()
            finally:
                for session in [*self.sessions, self.judge]:
                    session.close()

    # --- transactions -----------------------------------------------------------------------------------

    @rule(at=SESSIONS)
    def begin(self, at: int) -> None:
        if self.drafts[at] is None:
            self.sessions[at].execute("begin isolation level read committed")
            self.drafts[at] = self._new_draft()

    @rule(at=SESSIONS, kept=st.integers(0, 3))
    def finish(self, at: int, kept: int) -> None:
        draft = self.drafts[at]
        if draft is not None:
            self.sessions[at].execute("commit" if kept else "rollback")
            if kept:
                self.model.commit(draft)
            self.drafts[at] = None

    @rule(at=SESSIONS)
    def mark(self, at: int) -> None:
        draft = self.drafts[at]
        if draft is not None:
            self.sessions[at].execute("savepoint marked")
            draft.mark()

    @rule(at=SESSIONS)
    def go_back(self, at: int) -> None:
        draft = self.drafts[at]
        if draft is not None and draft.savepoints:
            self.sessions[at].execute("rollback to marked")
            draft.back()

    @rule(at=SESSIONS)
    def release(self, at: int) -> None:
        draft = self.drafts[at]
        if draft is not None and draft.savepoints:
            self.sessions[at].execute("release marked")
            draft.release()

    @rule(at=SESSIONS)
    def cut(self, at: int) -> None:
        pid = self.sessions[at].info.backend_pid
        value(self.judge, "select pg_terminate_backend(%s, 5000)", (pid,))
        self.sessions[at].close()
        self.sessions[at] = psycopg.connect(self.url, autocommit=True, options="-c lock_timeout=3s")
        self.drafts[at] = None

    # --- functions --------------------------------------------------------------------------------------

    @rule(at=SESSIONS, event_type=st.sampled_from(TYPES), subject=SUBJECTS, count=st.integers(1, 4))
    def emit(self, at: int, event_type: str, subject: int, count: int) -> None:
        if self._is_locked(at, subject):
            return
        with self._acting(at) as draft:
            for _ in range(count):
                number = len(self.numbers) + 1
                self.numbers[emit(self.sessions[at], subject, event_type)] = number
                draft.events.append(Emitted(number, draft.transaction, event_type, subject))

    @rule(at=SESSIONS, worker=WORKERS, limit=LIMITS)
    def run(self, at: int, worker: str, limit: int) -> None:
        with self._acting(at) as draft:
            said = run(self.sessions[at], worker, limit)
            status = self._stop(at, worker)
            counts = {"seen": 0, "attempts_written": 0, "skipped": 0, "dead_lettered": 0}
            if status == "ran":
                counts = self.model.run(draft, worker, limit)
            cursor = self.model.cursor(draft, worker)
            assert {key: said[key] for key in ("status", *counts)} == {"status": status, **counts}
            assert self._number(said["cursor_event_id"]) == (cursor.event if cursor else None)
            assert (said["batch_id"] is not None) == (said["seen"] > 0)

    @rule(
        at=SESSIONS, worker=WORKERS, where=st.sampled_from(["beginning", "latest", "event"]), data=st.data()
    )
    def seek(self, at: int, worker: str, where: str, data: st.DataObject) -> None:
        with self._acting(at) as draft:
            seen = [*self.model.events, *draft.events]
            position: str | Emitted = (
                data.draw(st.sampled_from(seen)) if where == "event" and seen else "latest"
            )
            position = position if where == "event" else where
            given = position if isinstance(position, str) else self._id(position.number)
            said = seek(self.sessions[at], given, worker)
            if self._is_busy(at, worker):
                assert said["status"] == "worker_busy"
                return
            assert said["status"] == "sought"
            self.sought.add(worker)
            self.model.seek(draft, worker, position)
            assert self._number(said["cursor_event_id"]) == draft.held[worker].event

    @rule(at=SESSIONS, worker=WORKERS, limit=LIMITS, subject=SUBJECTS)
    def emit_and_run(self, at: int, worker: str, limit: int, subject: int) -> None:
        """Invoke the worker in the transaction that emitted, while another transaction emits."""
        self.begin(at=at)
        self.emit(at=at, event_type=TYPES[0], subject=subject, count=1)
        self.emit(at=(at + 1) % 3, event_type=TYPES[0], subject=subject % 5 + 1, count=2)
        self.run(at=at, worker=worker, limit=limit)

    @rule(is_open=st.sampled_from([True, True, True, False]), master=st.booleans())
    def gate(self, is_open: bool, master: bool) -> None:
        key = "iu_core.routes_enabled" if master else "iu_core.route_worker_enabled"
        set_gate(self.judge, key, str(is_open).lower())
        if master:
            self.model.master = is_open
        else:
            self.model.worker_gate = is_open

    @rule(event_type=st.sampled_from(TYPES[:2]), state=st.sampled_from(["off", "dry", "live"]))
    def route(self, event_type: str, state: str) -> None:
        self.judge.execute(
            "update public.iu_outbound_route set enabled = %s, dry_run = %s where event_type = %s",
            (state != "off", state != "live", event_type),
        )
        self.model.routes[event_type] = state

    @precondition(lambda self: self._has_letters())
    @rule(at=SESSIONS, data=st.data())
    def replay(self, at: int, data: st.DataObject) -> None:
        with self._acting(at) as draft:
            key = self._drawn_letter(at, draft, data)
            if key:
                said = replay(self.sessions[at], self._letter_id(at, key))
                said.pop("dead_letter_id")
                assert said == self.model.replay(draft, key)

    @precondition(lambda self: self._has_letters())
    @rule(at=SESSIONS, data=st.data())
    def discard(self, at: int, data: st.DataObject) -> None:
        with self._acting(at) as draft:
            key = self._drawn_letter(at, draft, data)
            if key:
                letter = self._letter_id(at, key)
                said = value(
                    self.sessions[at],
                    "select public.fn_iu_route_dead_letter_discard(%s, 'a test')",
                    (letter,),
                )
                assert said["status"] == self.model.discard(draft, key)

    # --- invariants -------------------------------------------------------------------------------------

    @invariant()
    def the_backlog_is_as_predicted(self) -> None:
        if not hasattr(self, "judge"):
            return
        for at, draft in enumerate(self.drafts):
            session = self.sessions[at] if draft else self.judge
            worker = ("one", "two", "three")[at]
            said = health(session, worker)
            assert said["backlog"] == self.model.unread(draft or Draft(0), worker)

    def _end(self) -> None:
        for at in range(3):
            self.finish(at=at, kept=1)
        for master in (True, False):
            self.gate(is_open=True, master=master)
        self._compare()
        for worker in ("one", "two", "three"):
            while self.model.unread(Draft(0), worker):
                self.run(at=0, worker=worker, limit=19)
        self._compare()
        self._in_order()

    def _compare(self) -> None:
        rows = self.judge.execute(_ATTEMPTS).fetchall()
        attempts = [
            ((worker, self.numbers[event], route), decision) for worker, event, route, decision in rows
        ]
        for worker in ("one", "two", "three"):
            assert _of(attempts, worker) == _of(self.model.attempts, worker)
        letters = {
            (worker, self.numbers[event], route): Letter(tries, resolution)
            for worker, event, route, tries, resolution in self.judge.execute(_LETTERS)
        }
        assert letters == self.model.letters
        replays = {
            ((worker, self.numbers[event], route), attempt_no): decision
            for worker, event, route, attempt_no, decision in self.judge.execute(_REPLAYS)
        }
        assert replays == self.model.replays
        cursors: dict[str, str | None] = dict(self.judge.execute(_CURSORS).fetchall())
        assert {name: self._number(event) for name, event in cursors.items()} == {
            name: cursor.event for name, cursor in self.model.cursors.items()
        }
        said = health(self.judge, "one")
        assert said["attempts_in_audit"] == value(self.judge, "select count(*) from public.iu_route_attempt")
        assert value(self.judge, _UNATTEMPTED) == 0

    def _in_order(self) -> None:
        """Compare only first attempts; a later read of an event may find a route that was off before."""
        subjects = {event.number: event.subject for event in self.model.events}
        for worker in {"one", "two", "three"} - self.sought:
            read: dict[int, list[int]] = {}
            for number in dict.fromkeys(key[1] for key, _ in _of(self.model.attempts, worker)):
                read.setdefault(subjects[number], []).append(number)
            assert all(numbers == sorted(numbers) for numbers in read.values())
            assert sum(map(len, read.values())) == len(self.model.events)

    # --- helpers ----------------------------------------------------------------------------------------

    def _new_draft(self) -> Draft:
        self.transactions += 1
        return Draft(self.transactions)

    def _acting(self, at: int) -> _Acting:
        return _Acting(self.model, self.drafts[at], self._new_draft)

    def _is_busy(self, at: int, worker: str) -> bool:
        return any(draft and worker in draft.held for place, draft in enumerate(self.drafts) if place != at)

    def _is_locked(self, at: int, subject: int) -> bool:
        """Return whether another open transaction has written the subject and so holds its lock."""
        return any(
            draft and any(event.subject == subject for event in draft.events)
            for place, draft in enumerate(self.drafts)
            if place != at
        )

    def _stop(self, at: int, worker: str) -> str:
        if not self.model.master:
            return "master_gate_closed"
        if not self.model.worker_gate:
            return "worker_gate_closed"
        return "worker_busy" if self._is_busy(at, worker) else "ran"

    def _number(self, event_id: str | None) -> int | None:
        return self.numbers[UUID(event_id)] if event_id else None

    def _id(self, number: int) -> str:
        return str(next(event for event, known in self.numbers.items() if known == number))

    def _has_letters(self) -> bool:
        return any([self.model.letters, *(draft.letters for draft in self.drafts if draft)])

    def _drawn_letter(self, at: int, draft: Draft, data: st.DataObject) -> Key | None:
        """Draw a dead letter that the session sees and that no other open transaction has changed."""
        touched = {
            key for place, other in enumerate(self.drafts) if other and place != at for key in other.letters
        }
        free = sorted((self.model.letters | draft.letters).keys() - touched, key=repr)
        return data.draw(st.sampled_from(free)) if free else None

    def _letter_id(self, at: int, key: Key) -> UUID:
        worker, number, _ = key
        found: UUID = value(
            self.sessions[at],
            "select dead_letter_id from public.iu_route_dead_letter "
            "where worker_name = %s and event_id = %s::uuid",
            (worker, self._id(number)),
        )
        return found


class _Acting:
    """A call in the session's open transaction or, without one, in a transaction that commits at once."""

    def __init__(self, model: Model, draft: Draft | None, new_draft: Callable[[], Draft]) -> None:
        self._model = model
        self._open = draft
        self._draft = draft or new_draft()

    def __enter__(self) -> Draft:
        return self._draft

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._open is None and kind is None:
            self._model.commit(self._draft)


def _of(attempts: list[tuple[Key, str]], worker: str) -> list[tuple[Key, str]]:
    return [attempt for attempt in attempts if attempt[0][0] == worker]


@pytest.fixture
def databases(server: Server, template: str) -> Iterator[Callable[[], str]]:
    """Yield a function that drops the previous database and makes the next."""
    made: list[str] = []

    def make() -> str:
        for name in made:
            server.drop(name)
        made[:] = [f"{template}_model_{os.getpid()}_{len(made)}_{id(made)}"]
        return server.create(made[0], template)

    yield make
    for name in made:
        server.drop(name)


def check(databases: Callable[[], str], examples: int, steps: int, *, anew: bool = False) -> None:
    """Run the machine; `anew` generates new examples and shrinks a failing one."""
    machine = type("EngineHere", (Engine,), {"new_database": staticmethod(databases)})
    phases = (Phase.explicit, Phase.generate, *((Phase.shrink,) if anew else ()))
    run_state_machine_as_test(
        machine if anew else seed(SEED)(machine),
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            phases=phases,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.timeout(3600 if LONG else 600)
def test_every_generated_interleaving_has_the_result_that_the_model_predicts(
    databases: Callable[[], str],
) -> None:
    check(databases, examples=600 if LONG else 15, steps=60 if LONG else 40, anew=LONG)


@pytest.mark.parametrize(
    "how",
    [
        broken.plain_cursor,
        broken.own_events_at_once,
        broken.forgetful_snapshot,
        broken.no_idempotency,
        broken.no_isolation,
    ],
    ids=lambda how: how.__name__,
)
def test_a_deliberately_broken_engine_differs_from_the_model(
    databases: Callable[[], str], how: Callable[[Session], None]
) -> None:
    def make_broken() -> str:
        url = databases()
        with opened(url) as (session,):
            how(session)
        return url

    with pytest.raises((AssertionError, KeyError, psycopg.Error)):
        check(make_broken, examples=40, steps=40)

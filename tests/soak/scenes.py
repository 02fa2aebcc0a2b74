"""The scenes: each is one short action of a client in its own session, repeated until the soak ends.

A scene can fail at any point: its backend is terminated, its transaction is the victim of a deadlock, or the
server crashes. It is then repeated in a new session, as a client of the product would do.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID, uuid4

import psycopg

from engine.sessions import WORKER, Session, emit, replay, run, set_gate, subject, value
from soak.failovers import prepared
from soak.ledger import Ledger

PLAIN = (WORKER, "soak.plain")
"""Workers without seeks: they read every event once."""

SOUGHT = ("soak.sought", "soak.sought.too")
"""Workers that seek back at times: they read events again, and write nothing twice."""

WORKERS = (*PLAIN, *SOUGHT)

LIVE_ROUTE = "iu.structure_piece_split.workflow"
_ROUTES = "public.iu_outbound_route"
_ROUTE = "iu.version_applied.workflow"
_PREPARERS = 4712
_MOST_PREPARED = 10
_GATES = ("iu_core.route_worker_enabled", "iu_core.routes_enabled")

Scene = Callable[[Session, random.Random], None]


@dataclass(frozen=True)
class Scenes:
    """The actions on `subjects` subjects; `failing` is the probability of an event whose delivery fails."""

    ledger: Ledger
    subjects: int = 24
    failing: float = 0.04

    def write(self, session: Session, chance: random.Random) -> None:
        """Lock one or two subjects in random order, emit for each, pause, and commit or roll back."""
        chosen = chance.sample(range(1, self.subjects + 1), chance.choice((1, 1, 2)))
        self._transact(session, chance, chosen, pause=0.02)

    def write_for_long(self, session: Session, chance: random.Random) -> None:
        """Emit in a transaction of several seconds, for a subject that no other session locks."""
        mine = self.subjects + 1 + session.info.backend_pid % 1000
        _make_subject(session, mine)
        self._transact(session, chance, [mine] * chance.randint(2, 6), pause=0.5)

    def prepare(self, session: Session, chance: random.Random) -> None:
        """Lock a subject, emit for it, and prepare the transaction: the first phase of a two-phase commit."""
        if len(prepared(session)) >= _MOST_PREPARED:
            time.sleep(0.1)
            return
        made: list[UUID] = []
        asked, name = False, f"soak {uuid4()}"
        try:
            session.execute("begin")
            session.execute(f"select pg_advisory_xact_lock_shared({_PREPARERS})".encode())
            number = chance.randint(1, self.subjects)
            _lock(session, number)
            made += self._emit_some(session, chance, number)
            self.ledger.prepare(name, made)
            asked = True
            session.execute(f"prepare transaction '{name}'".encode())
        except psycopg.Error:
            if not asked:
                self.ledger.undo(made)
            raise
        time.sleep(chance.random() * 0.5)

    def resolve(self, session: Session, chance: random.Random) -> None:
        """Commit some of the prepared transactions and roll others back: the second phase."""
        for name in prepared(session):
            if chance.random() < 0.3:
                self.decide(session, name, commit=chance.random() < 0.7)
        time.sleep(chance.random() * 0.2)

    def decide(self, session: Session, name: str, *, commit: bool) -> None:
        """Commit or roll back one prepared transaction. If the session is lost, the outcome is unknown."""
        made, epoch = self.ledger.prepared[name], self.ledger.epoch
        session.execute(f"{'commit' if commit else 'rollback'} prepared '{name}'".encode())
        if commit:
            self.ledger.commit(made, epoch)
        elif epoch == self.ledger.epoch:
            self.ledger.undo(made)
        self.ledger.count(f"prepared and {'committed' if commit else 'rolled back'}")

    def idle_elsewhere(self, session: Session, chance: random.Random) -> None:
        """Hold a transaction id for up to three seconds, in another database."""
        session.execute("begin")
        session.execute("select pg_current_xact_id()")
        time.sleep(chance.random() * 3)
        session.execute("commit")

    def work(self, worker: str) -> Scene:
        """Run the worker, sometimes in a longer transaction or in one that is rolled back."""

        def act(session: Session, chance: random.Random) -> None:
            limit = chance.choice((1, 3, 10, 100, 1000))
            ending = chance.choices((None, "commit", "rollback"), (90, 5, 5))[0]
            if ending:
                session.execute("begin")
            answer = run(session, worker, limit)
            self.ledger.count(answer["status"])
            if ending:
                time.sleep(chance.random() * 0.05)
                session.execute(ending.encode())
            if answer["seen"] < limit:
                time.sleep(0.02)

        return act

    def replay(self, session: Session, chance: random.Random) -> None:
        """Replay the oldest open dead letter, as the other replayer does; sometimes discard it."""
        letter = value(
            session,
            "select dead_letter_id from public.iu_route_dead_letter where resolution is null "
            "order by created_at, dead_letter_id limit 1",
        )
        if letter is None:
            time.sleep(0.05)
        elif chance.random() < 0.1:
            session.execute("select public.fn_iu_route_dead_letter_discard(%s, 'soak')", (letter,))
            self.ledger.count("discards")
        else:
            self.ledger.count(f"replays {replay(session, letter)['status']}")
        time.sleep(chance.random() * 0.05)

    def change_routes(self, session: Session, chance: random.Random) -> None:
        """Enable and disable a route, add and delete a second one, or switch dry run of the live one."""
        change = chance.choice(
            (
                f"update {_ROUTES} set enabled = not enabled where route_code = '{_ROUTE}'",
                f"update {_ROUTES} set enabled = true where route_code = '{_ROUTE}'",
                f"insert into {_ROUTES} (route_code, event_type, enabled, target_kind, target_ref) values "
                "('soak.second', 'version_applied', true, 'workflow', 'elsewhere') on conflict do nothing",
                f"delete from {_ROUTES} where route_code = 'soak.second'",
                f"update {_ROUTES} set dry_run = not dry_run where route_code = '{LIVE_ROUTE}'",
            )
        )
        with session.transaction():
            session.execute(change.encode())
            time.sleep(chance.random() * 0.05)
        self.ledger.count("route changes")
        time.sleep(chance.random() * 0.5)

    def close_gates(self, seconds: float, rest: float) -> Scene:
        """Close a gate for `seconds`, and record the interval in which it was certainly closed."""

        def act(session: Session, chance: random.Random) -> None:
            for gate in _GATES:
                set_gate(session, gate, "true")
            time.sleep(rest * (0.5 + chance.random()))
            set_gate(session, chance.choice(_GATES), "false")
            closed = _now(session)
            time.sleep(seconds)
            self.ledger.closed.append((closed, _now(session)))
            self.ledger.count("gate closings")

        return act

    def seek(self, session: Session, chance: random.Random) -> None:
        """Seek a worker to the beginning, or to an event before every event that it has not read."""
        worker = chance.choice(SOUGHT)
        place = _safely_behind(session, worker) if chance.random() < 0.7 else None
        status = value(
            session,
            "select public.fn_iu_route_worker_seek(%s, %s, 'soak') ->> 'status'",
            (worker, str(place or "beginning")),
        )
        self.ledger.count(f"seeks {status}")
        time.sleep(1 + chance.random() * 4 if status == "sought" else 0.05)

    def _transact(self, session: Session, chance: random.Random, chosen: list[int], pause: float) -> None:
        made: list[UUID] = []
        asked, epoch = False, self.ledger.epoch
        try:
            session.execute("begin")
            for number in chosen:
                _lock(session, number)
                made += self._emit_some(session, chance, number)
                time.sleep(chance.random() * pause)
            asked = chance.random() >= 0.2
            session.execute("commit" if asked else "rollback")
        except psycopg.Error:
            (self.ledger.doubt if asked else self.ledger.undo)(made)
            raise
        if asked:
            self.ledger.commit(made, epoch)
        else:
            self.ledger.undo(made)

    def _emit_some(self, session: Session, chance: random.Random, number: int) -> list[UUID]:
        made = [emit(session, number)]
        if chance.random() < 0.3:
            session.execute("savepoint undone")
            self.ledger.undo([emit(session, number)])
            session.execute("rollback to undone")
        if chance.random() < 0.3:
            session.execute("savepoint kept")
            made.append(emit(session, number))
            session.execute("release kept")
        if chance.random() < self.failing:
            made.append(emit(session, number, "structure_piece_split"))
        return made


_SAFELY_BEHIND = """
with bound as materialized (
    select
        coalesce(public.fn_iu_cursor_unread_seq(c), 9223372036854775807) as unread,
        (
            select coalesce(min(a.xact_start), clock_timestamp()) - interval '1 second'
            from pg_stat_activity as a where a.datname = current_database() and a.pid <> pg_backend_pid()
        ) as quiet_since
    from public.iu_route_worker_cursor as c where c.worker_name = %s
)
select o.event_id
from public.event_outbox as o cross join bound
where o.event_domain = 'iu' and o.event_seq < bound.unread and o.created_at < bound.quiet_since
order by o.event_seq desc offset 50 limit 1
"""
"""An event below every unread event: the worker has read it, and it is older than every open transaction."""


def _safely_behind(session: Session, worker: str) -> UUID | None:
    """Return such an event, chosen while no transaction is being prepared, because those have no session."""
    session.execute("begin isolation level read committed")
    session.execute(f"select pg_advisory_xact_lock({_PREPARERS})".encode())
    place: UUID | None = value(session, _SAFELY_BEHIND, (worker,))
    session.execute("commit")
    return place


def _lock(session: Session, number: int) -> None:
    session.execute(
        "select from public.information_unit where unit_id = %s for no key update", (subject(number),)
    )


def _make_subject(session: Session, number: int) -> None:
    session.execute(
        "insert into public.information_unit (unit_id, canonical_address) values (%s, %s) "
        "on conflict do nothing",
        (subject(number), f"TEST/{number}"),
    )


def _now(session: Session) -> float:
    return float(value(session, "select extract(epoch from clock_timestamp())"))

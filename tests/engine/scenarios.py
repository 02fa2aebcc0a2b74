"""Scenarios with several sessions; each returns a `Report` for the engine that is installed.

The real engine must return `CLEAN`; a broken engine must not.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import astuple, dataclass
from functools import partial
from threading import Event
from uuid import UUID

import psycopg

from engine.sessions import (
    WORKER,
    Session,
    Together,
    drain,
    emit,
    emit_many,
    make_live,
    opened,
    read_committed,
    run,
    subject,
    value,
)


@dataclass(frozen=True, slots=True)
class Report:
    """Counts of errors.

    Events without an attempt, attempted twice, attempted before an older one of their subject, committed but
    not read at once, or harmed by another event of their batch.
    """

    lost: int = 0
    twice: int = 0
    disordered: int = 0
    stalled: int = 0
    harmed: int = 0


CLEAN = Report()

_LOST = """
select count(*) from public.event_outbox as o where o.event_domain = 'iu' and not exists (
    select from public.iu_route_attempt as a
    where a.event_id = o.event_id and a.worker_name = %s and a.attempt_no = 1)
"""
_TWICE = """
select count(*) from (
    select from public.iu_route_attempt as a where a.worker_name = %s and a.attempt_no = 1
    group by a.event_id, a.route_code having count(*) > 1
) as doubled
"""
_DISORDERED = """
select count(*) from (
    select o.event_seq,
        lag(o.event_seq) over (partition by o.event_subject_ref order by a.attempt_id) as before
    from public.iu_route_attempt as a inner join public.event_outbox as o on o.event_id = a.event_id
    where a.worker_name = %s and a.attempt_no = 1
) as pair where pair.before > pair.event_seq
"""


def judged(session: Session, worker: str = WORKER, stalled: int = 0, harmed: int = 0) -> Report:
    """Return the report on everything that is committed now."""
    return Report(
        lost=value(session, _LOST, (worker,)),
        twice=value(session, _TWICE, (worker,)),
        disordered=value(session, _DISORDERED, (worker,)),
        stalled=stalled,
        harmed=harmed,
    )


def late_commit(url: str) -> Report:
    """Commit the transaction that drew the lowest number last."""
    with opened(url, 3) as (slow, fast, worker):
        slow.execute("begin")
        emit(slow, 1)
        emit(fast, 2)
        stalled = 1 - run(worker)["seen"]
        slow.execute("commit")
        drain(worker)
        return judged(worker, stalled=stalled)


def idle_writer(url: str, elsewhere: str) -> Report:
    """Hold a transaction open in the database `elsewhere` while another session emits."""
    with opened(elsewhere) as (idle,), opened(url, 2) as (writer, worker):
        idle.execute("begin")
        idle.execute("select pg_current_xact_id()")
        if elsewhere == url:
            emit(idle, 9)
        emit_many(writer, 5)
        stalled = 5 - run(worker)["seen"]
        idle.execute("commit")
        drain(worker)
        return judged(worker, stalled=stalled)


def handed_over(url: str) -> Report:
    """Write one subject in two transactions; the one that began last writes first."""
    with opened(url, 3) as (first, second, worker):
        first.execute("begin")
        first.execute("select pg_current_xact_id()")
        emit(second, 1)
        emit(first, 1)
        first.execute("commit")
        drain(worker)
        return judged(worker)


def poisoned_batch(url: str) -> Report:
    """Let the delivery function raise for one event of a thousand."""
    with opened(url, 2) as (writer, worker):
        make_live(writer, "iu.structure_piece_split.workflow")
        emit_many(writer, 500)
        bad = emit(writer, 7, "structure_piece_split")
        emit_many(writer, 499)
        try:
            run(worker)
        except psycopg.Error:
            worker.execute("rollback")
        return judged(worker, harmed=_harmed(worker, bad))


def overtaken(url: str) -> Report:
    """Emit for a subject in an open window, from another transaction and from the worker's own."""
    with opened(url, 2) as (worker, writer):
        emit_many(writer, 4)
        run(worker, limit=2)
        emit(writer, 77)
        worker.execute("begin")
        emit(worker, 77)
        drain(worker)
        worker.execute("commit")
        drain(worker)
        return judged(worker)


def emitted_after_the_run(url: str) -> Report:
    """Emit, run the worker, emit again and commit in one transaction, while younger ones commit."""
    with opened(url, 2) as (worker, writer):
        read_committed(worker)
        worker.execute("begin")
        emit(worker, 1)
        emit(writer, 2)
        run(worker)
        emit(worker, 1)
        worker.execute("commit")
        drain(worker)
        return judged(worker)


def held_cursor(url: str) -> Report:
    """Invoke the worker a second time before the first invocation has committed."""
    with opened(url, 2, "-c lock_timeout=500ms") as (first, second):
        run(first)
        emit(first)
        first.execute("begin")
        run(first)
        try:
            stalled = int(run(second)["status"] != "worker_busy")
        except psycopg.errors.LockNotAvailable:
            stalled = 1
        first.execute("commit")
        drain(second)
        return judged(second, stalled=stalled)


def flood(url: str) -> Report:
    """Let the delivery of forty events fail; then make their route dry-run again."""
    with opened(url) as (worker,):
        make_live(worker)
        emit_many(worker, 40)
        with suppress(psycopg.DatabaseError):
            run(worker)
        harmed = value(worker, "select count(*) from public.iu_route_dead_letter")
        worker.execute("update public.iu_outbound_route set dry_run = true")
        drain(worker)
        return judged(worker, harmed=harmed)


def trickle(url: str, runs: int = 40) -> Report:
    """Read twenty good events, let `runs` runs of one event each fail, then make the route dry-run again."""
    with opened(url) as (worker,):
        emit_many(worker, 20, "structure_piece_split")
        while run(worker, limit=1)["seen"]:
            pass
        make_live(worker)
        for number in range(runs):
            emit(worker, number)
            with suppress(psycopg.DatabaseError):
                run(worker, limit=1)
        harmed = value(worker, "select count(*) from public.iu_route_dead_letter")
        worker.execute("update public.iu_outbound_route set dry_run = true")
        drain(worker)
        return judged(worker, harmed=harmed)


def missing_delivery_function(url: str) -> Report:
    """Run five events, one per run, without the delivery function; restore it and the dry-run route."""
    with opened(url) as (worker,):
        make_live(worker)
        worker.execute("alter function public.fn_iu_route_deliver(uuid, text) rename to fn_iu_moved")
        for number in range(5):
            emit(worker, number)
            with suppress(psycopg.DatabaseError):
                run(worker, limit=1)
        harmed = value(worker, "select count(*) from public.iu_route_dead_letter")
        worker.execute("alter function public.fn_iu_moved(uuid, text) rename to fn_iu_route_deliver")
        worker.execute("update public.iu_outbound_route set dry_run = true")
        drain(worker)
        return judged(worker, harmed=harmed)


def _harmed(session: Session, bad: UUID) -> int:
    """Count good events without a dry-run attempt, plus one if other events than `bad` have dead letters."""
    well = value(session, "select count(*) from public.iu_route_attempt where decision = 'dry_run'")
    letters = value(session, "select array_agg(event_id) from public.iu_route_dead_letter")
    return int(999 - well) + int(letters != [bad])


@dataclass(frozen=True, slots=True)
class Storm:
    """Writers that lock subjects, pause, emit and roll back, also to savepoints, beside running workers."""

    writers: int = 8
    workers: int = 1
    seconds: float = 3.0
    subjects: int = 12
    seed: int = 0
    names: tuple[str, ...] = (WORKER,)
    level: str = "read committed"

    def play(self, url: str) -> tuple[Report, int]:
        """Return the report of the worker with the most errors, and the number of committed events."""
        over = Event()
        together = Together()
        with opened(url, self.writers + self.workers + 2) as sessions:
            idle, judge, *others = sessions
            _make_subjects(judge, self.subjects)
            idle.execute("begin")
            emit(idle, 9999)
            for place, session in enumerate(others):
                session.execute(f"set default_transaction_isolation = '{self.level}'".encode())
                act = self._write if place < self.writers else self._work
                together.start(partial(act, session, place, over))
            time.sleep(self.seconds)
            over.set()
            together.finish()
            idle.execute("commit")
            for name in self.names:
                drain(judge, name)
            reports = {judged(judge, name) for name in self.names}
            worst = max(reports, key=lambda report: sum(astuple(report)))
            return worst, value(judge, "select count(*) from public.event_outbox")

    def _write(self, session: Session, place: int, over: Event) -> None:
        chance = random.Random(f"{self.seed}/{place}")
        while not over.is_set():
            with self._trying(session):
                session.execute("begin")
                chosen = sorted(chance.sample(range(1, self.subjects + 1), chance.randint(1, 2)))
                for number in chosen:
                    session.execute(
                        "select from public.information_unit where unit_id = %s for no key update",
                        (subject(number),),
                    )
                    _write_some(session, number, chance)
                session.execute("rollback" if chance.random() < 0.2 else "commit")

    def _work(self, session: Session, place: int, over: Event) -> None:
        chance = random.Random(f"{self.seed}/{place}")
        while not over.is_set():
            with self._trying(session):
                run(session, self.names[place % len(self.names)], limit=chance.choice((1, 3, 10, 100)))

    @contextmanager
    def _trying(self, session: Session) -> Iterator[None]:
        """Roll back on a serialization failure above read committed.

        At serializable the server may also run out of memory for conflicts of overlapping transactions.
        """
        try:
            yield
        except (psycopg.errors.SerializationFailure, psycopg.errors.OutOfMemory) as refusal:
            if self.level == "read committed" or not re.search("serialize|RWConflictPool", str(refusal)):
                raise
            session.execute("rollback")


def _make_subjects(session: Session, count: int) -> None:
    for number in range(1, count + 1):
        session.execute(
            "insert into public.information_unit (unit_id, canonical_address) values (%s, %s)",
            (subject(number), f"TEST/{number}"),
        )


def _write_some(session: Session, number: int, chance: random.Random) -> None:
    emit(session, number)
    if chance.random() < 0.3:
        session.execute("savepoint undone")
        emit(session, number)
        session.execute("rollback to undone")
    time.sleep(chance.random() * 0.02)
    if chance.random() < 0.3:
        session.execute("savepoint kept")
        emit(session, number)

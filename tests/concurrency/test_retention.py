"""Retention beside emitters, workers and late commits: no unread event is deleted, no session waits long."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from engine import broken
from engine.scenarios import CLEAN, judged
from engine.sessions import (
    WORKER,
    Session,
    Together,
    drain,
    emit,
    emit_many,
    opened,
    run,
    seek,
    set_gate,
    value,
)
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import verification

pytestmark = pytest.mark.read_committed

DEFAULT = "iu_outbound_default"


@pytest.fixture
def three(database: str) -> Iterator[list[Session]]:
    """Yield three sessions on an outbox that keeps read events for a day."""
    with opened(database, 3) as sessions:
        set_gate(sessions[0], "iu_core.retention_days", "1")
        yield sessions


def age(session: Session) -> None:
    """Make all committed events a month old."""
    session.execute("set session_replication_role = replica")
    session.execute("update public.event_outbox set created_at = created_at - interval '30 days'")
    session.execute("reset session_replication_role")


def retain(session: Session, limit: int = 5000) -> dict[str, Any]:
    said: dict[str, Any] = value(session, "select public.fn_iu_retention_run('a test', %s)", (limit,))
    return said


def left(session: Session) -> int:
    count: int = value(session, "select count(*) from public.event_outbox")
    return count


def lost_by_a_laggard(url: str) -> int:
    """Return how many events a worker misses that reads for the first time after a round of retention."""
    with opened(url, 2) as (writer, worker):
        set_gate(writer, "iu_core.retention_days", "1")
        seek(worker, "beginning", WORKER)
        emit_many(writer, 20)
        age(writer)
        drain(worker, DEFAULT)
        retain(writer)
        return 20 - drain(worker, WORKER)


def test_retention_deletes_no_event_that_a_slow_worker_has_not_read(database: str) -> None:
    assert lost_by_a_laggard(database) == 0


def test_retention_that_ignores_a_slow_worker_deletes_events_it_has_not_read(database: str) -> None:
    with opened(database) as (session,):
        broken.retention_of_the_default_worker(session)
    assert lost_by_a_laggard(database) > 0


def test_what_commits_late_is_read_before_it_is_deleted(three: list[Session]) -> None:
    slow, writer, worker = three
    slow.execute("begin")
    emit(slow, 1)
    emit_many(writer, 5)
    drain(worker, DEFAULT)
    age(writer)
    assert retain(writer)["events"] == 4
    slow.execute("commit")
    age(writer)
    assert retain(writer)["events"] == 0
    assert run(worker, DEFAULT)["seen"] == 1
    emit(writer, 2)
    drain(worker, DEFAULT)
    assert retain(writer)["events"] == 2
    assert left(writer) == 1


def test_a_round_is_done_beside_a_batch_under_way(three: list[Session]) -> None:
    first, second, _ = three
    emit_many(first, 5)
    age(first)
    drain(first, DEFAULT)
    emit_many(first, 3)
    first.execute("begin")
    assert run(first, DEFAULT)["seen"] == 3
    assert retain(second)["events"] == 4
    first.execute("commit")
    assert judged(second, DEFAULT) == CLEAN


def test_an_uncommitted_round_blocks_no_worker_emitter_or_health_report(database: str) -> None:
    with opened(database, 2, "-c lock_timeout=1ms") as (keeper, other):
        set_gate(keeper, "iu_core.retention_days", "1")
        emit_many(keeper, 5)
        age(keeper)
        drain(keeper, DEFAULT)
        keeper.execute("begin")
        assert retain(keeper)["events"] == 4
        emit(other)
        assert value(other, "select public.fn_iu_route_worker_health() ->> 'healthy'") == "true"
        assert retain(other)["status"] == "busy"
        assert run(other, DEFAULT)["seen"] == 1
        keeper.execute("commit")
        assert judged(other, DEFAULT) == CLEAN


def test_a_round_that_is_rolled_back_has_deleted_nothing(three: list[Session]) -> None:
    session = three[0]
    emit_many(session, 5)
    age(session)
    drain(session, DEFAULT)
    session.execute("begin")
    retain(session)
    session.execute("rollback")
    assert left(session) == 5
    assert value(session, "select count(*) from public.iu_retention_history") == 0


def test_a_storm_of_emitters_workers_and_rounds_loses_nothing(three: list[Session], database: str) -> None:
    """Date every event a month back, so that only the cursors protect unread events."""
    session = three[0]
    session.execute("alter table public.event_outbox alter created_at set default now() - interval '30 days'")
    emitted, together = 240, Together()
    seen = {DEFAULT: 0, WORKER: 0}
    with opened(database, 6) as (one, two, three_, first, second, keeper):

        def write(writer: Session) -> None:
            for _ in range(emitted // 12):
                writer.execute("begin")
                emit_many(writer, 4)
                writer.execute("commit")

        def read(worker: Session, name: str) -> None:
            while seen[name] < emitted:
                seen[name] += run(worker, name, 7)["seen"]

        seek(session, "beginning", WORKER)
        writers = [together.start(partial(write, writer)) for writer in (one, two, three_)]
        readers = [
            together.start(lambda: read(first, DEFAULT)),
            together.start(lambda: read(second, WORKER)),
        ]
        while any(thread.is_alive() for thread in (*writers, *readers)):
            retain(keeper, 11)
        together.finish()
        while retain(keeper)["more"]:
            pass
    assert seen == {DEFAULT: emitted, WORKER: emitted}
    assert left(session) <= 2
    assert judged(session) == judged(session, DEFAULT) == CLEAN


def test_the_proofs_hold_after_rounds(three: list[Session], database: str) -> None:
    session = three[0]
    emit_many(session, 50)
    age(session)
    for _ in range(8):
        run(session, DEFAULT, 7)
    emit_many(session, 5)
    drain(session, DEFAULT)
    assert retain(session, 20)["events"] == 20
    retain(session)
    with Gateway(database) as gateway:
        failed = [line for proof in verification.verify(gateway) for line in proof.lines if not line.passed]
    assert failed == []


def test_a_round_reads_by_index_alone(three: list[Session]) -> None:
    session = three[0]
    emit_many(session, 2000)
    age(session)
    drain(session, DEFAULT)
    emit_many(session, 10)
    drain(session, DEFAULT)
    session.execute("analyze")
    scans = "select coalesce(sum(seq_scan), 0) from pg_stat_xact_user_tables where relname = any(%s)"
    big = (["event_outbox", "iu_route_attempt_log", "iu_route_dead_letter"],)
    session.execute("begin")
    before = value(session, scans, big)
    assert retain(session, 50)["events"] == 50
    assert value(session, scans, big) == before
    session.execute("rollback")

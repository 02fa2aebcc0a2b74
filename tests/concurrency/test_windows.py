"""Edge cases of snapshot windows: own events, late and prepared transactions, and small batch limits."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import psycopg
import pytest

from engine.scenarios import CLEAN, judged
from engine.sessions import (
    WORKER,
    Session,
    drain,
    emit,
    emit_many,
    health,
    opened,
    read_committed,
    run,
    seek,
    value,
)


@pytest.fixture
def trio(database: str) -> Iterator[list[Session]]:
    with opened(database, 3, "-c lock_timeout=5s") as sessions:
        yield sessions


def read(session: Session, worker: str = WORKER) -> list[UUID]:
    """Return the events of the worker in the order of their attempts."""
    rows: list[UUID] = value(
        session,
        "select coalesce(array_agg(event_id order by attempt_id), '{}') from public.iu_route_attempt "
        "where worker_name = %s and attempt_no = 1",
        (worker,),
    )
    return rows


@pytest.mark.parametrize("limit", [1, 2, 3, 1000])
def test_own_events_do_not_overtake_what_was_committed_before_them(trio: list[Session], limit: int) -> None:
    worker, writer, _ = trio
    emit_many(writer, 4)
    run(worker, limit=2)
    older = emit(writer, 77)
    worker.execute("begin")
    own = emit(worker, 77)
    drain(worker, limit=limit)
    worker.execute("commit")
    drain(worker, limit=limit)
    order = read(worker)
    assert order.index(older) < order.index(own)
    assert judged(worker) == CLEAN


def test_own_events_are_read_in_their_transaction_and_never_attempted_twice(trio: list[Session]) -> None:
    worker, writer, _ = trio
    emit_many(writer, 5)
    run(worker, limit=2)
    worker.execute("begin")
    for number in range(20, 25):
        emit(worker, number)
    assert drain(worker, limit=2) == 8
    emit(worker, 30)
    assert [run(worker)["seen"], run(worker)["seen"]] == [1, 0]
    worker.execute("commit")
    before = len(read(worker))
    drain(writer)
    assert len(read(worker)) == before == 11
    assert judged(worker) == CLEAN


def test_own_events_of_a_run_that_is_rolled_back_are_rolled_back_with_it(trio: list[Session]) -> None:
    worker, writer, _ = trio
    worker.execute("begin")
    emit(worker)
    run(worker)
    worker.execute("rollback")
    kept = emit(writer, 2)
    drain(worker)
    assert read(worker) == [kept]


def test_a_rollback_to_a_savepoint_rolls_back_the_run(trio: list[Session]) -> None:
    worker, writer, _ = trio
    emit_many(writer, 3)
    worker.execute("begin")
    own = emit(worker, 9)
    worker.execute("savepoint before_run")
    assert run(worker)["seen"] == 4
    worker.execute("rollback to before_run")
    assert run(worker, limit=2)["seen"] == 2
    worker.execute("commit")
    drain(writer)
    assert read(writer)[-1] == own
    assert judged(writer) == CLEAN


def test_what_began_before_many_windows_is_read_when_it_commits(trio: list[Session]) -> None:
    worker, writer, old = trio
    old.execute("begin")
    first = emit(old, 90)
    for number in range(2, 8):
        emit(writer, number)
        assert run(worker)["seen"] == 1
    last = emit(old, 90)
    emit_many(writer, 5)
    run(worker, limit=2)
    old.execute("commit")
    drain(worker, limit=2)
    assert read(worker)[-2:] == [first, last]
    assert judged(worker) == CLEAN


def test_many_late_transactions_with_many_events_are_cut_by_small_limits(database: str) -> None:
    with opened(database, 42) as (worker, writer, *late):
        for number, session in enumerate(late):
            session.execute("begin")
            emit_many(session, 3, first=1000 + 10 * number)
            emit(writer, 100 + number)
            if number % 5 == 0:
                run(worker, limit=4)
        for number, session in enumerate(reversed(late)):
            session.execute("rollback" if number % 4 == 3 else "commit")
            if number % 3 == 0:
                run(worker, limit=7)
        drain(worker, limit=5)
        assert len(read(worker)) == 30 * 3 + 40
        assert judged(worker) == CLEAN
        assert health(worker)["backlog"] == 0


def test_a_late_transaction_waits_for_its_own_window(trio: list[Session]) -> None:
    worker, writer, late = trio
    late.execute("begin")
    emit_many(late, 4, first=50)
    emit_many(writer, 4)
    run(worker, limit=2)
    late.execute("commit")
    assert health(worker)["backlog"] == 6
    assert [run(worker, limit=100)["seen"] for _ in range(3)] == [2, 4, 0]
    assert judged(worker) == CLEAN


def test_backlog_and_pending_agree_with_what_runs_see(trio: list[Session], database: str) -> None:
    worker, writer, late = trio
    late.execute("begin")
    emit_many(late, 3, first=50)
    for limit in (1, 2, 5, 3, 1, 9, 9):
        emit_many(writer, 4)
        said = health(worker)["backlog"]
        late.execute("commit" if limit == 5 else "select 1")
        with opened(database) as (judge,):
            judge.execute("begin")
            now = health(judge)["backlog"]
            assert drain(judge, limit=limit) == now
            judge.execute("rollback")
        assert now - said in {0, 3}
        assert value(worker, "select public.fn_iu_route_worker_pending(%s)", (WORKER,)) is True
        run(worker, limit=limit)
    drain(worker)
    assert health(worker)["backlog"] == 0
    assert value(worker, "select public.fn_iu_route_worker_pending(%s)", (WORKER,)) is False
    assert judged(worker) == CLEAN


def test_events_of_another_domain_move_no_window(trio: list[Session]) -> None:
    worker, writer, late = trio
    writer.execute(
        "insert into public.event_type_registry (event_type, event_domain, event_stream, delivery_lane) "
        "values ('crm.changed', 'crm', 'update', 'batch')"
    )
    late.execute("begin")
    emit(late, 1, "crm.changed")
    emit(late, 2)
    emit_many(writer, 50, "crm.changed")
    emit(writer, 3)
    assert run(worker, limit=1)["seen"] == 1
    late.execute("commit")
    emit_many(writer, 50, "crm.changed")
    assert [run(worker, limit=1)["seen"], run(worker, limit=1)["seen"]] == [1, 0]
    assert judged(worker) == CLEAN


def test_a_transaction_that_is_open_at_a_seek_is_read_after_its_commit(trio: list[Session]) -> None:
    worker, writer, late = trio
    late.execute("begin")
    slow = emit(late, 1)
    emit_many(writer, 3)
    seek(worker, "latest")
    assert run(worker)["seen"] == 0
    late.execute("commit")
    assert run(worker)["seen"] == 1
    assert read(worker) == [slow]


@pytest.mark.parametrize("place", ["before any run", "in a window", "after a drain"])
@pytest.mark.parametrize("position", ["beginning", "latest", "event"])
def test_a_seek_takes_effect_in_every_state_of_the_cursor(
    trio: list[Session], place: str, position: str
) -> None:
    worker, writer, late = trio
    late.execute("begin")
    emit(late, 50)
    emit_many(writer, 6)
    if place == "in a window":
        run(worker, limit=2)
    elif place == "after a drain":
        drain(worker)
    third = value(writer, "select event_id from public.event_outbox order by event_seq offset 2 limit 1")
    seek(worker, str(third) if position == "event" else position)
    late.execute("commit")
    owed = {"beginning": 7, "latest": 1, "event": 4}[position]
    assert health(worker)["backlog"] == owed
    assert drain(worker, limit=2) == owed
    assert (
        value(
            worker,
            "select count(*) from ("
            "select from public.iu_route_attempt group by event_id having count(*) > 1) as d",
        )
        == 0
    )


@pytest.mark.parametrize("number", [64, 200])
def test_more_savepoints_than_a_snapshot_can_list_hide_no_event(trio: list[Session], number: int) -> None:
    worker, writer, late = trio
    late.execute("begin")
    for place in range(number):
        late.execute("savepoint deeper")
        emit(late, place + 1)
    emit(writer, 999)
    assert run(worker)["seen"] == 1
    late.execute("commit")
    assert drain(worker, limit=50) == number
    assert judged(worker) == CLEAN


def test_a_worker_in_a_long_transaction_reads_what_others_commit_meanwhile(trio: list[Session]) -> None:
    worker, writer, _ = trio
    read_committed(worker)
    worker.execute("begin")
    for number in range(1, 5):
        emit(writer, number)
        emit(worker, 100 + number)
        assert run(worker)["seen"] == 2
    worker.execute("commit")
    drain(writer)
    assert judged(writer) == CLEAN


def test_a_two_phase_commit_is_read_as_a_late_commit(own_prepared: str) -> None:
    with opened(own_prepared, 2) as (writer, worker):
        writer.execute("begin")
        emit(writer, 1)
        writer.execute("prepare transaction 'late'")
        emit(writer, 2)
        assert run(worker)["seen"] == 1
        writer.execute("commit prepared 'late'")
        assert drain(worker) == 1
        writer.execute("begin")
        emit(writer, 3)
        run(writer)
        writer.execute("prepare transaction 'run'")
        emit(writer, 4)
        assert run(worker)["status"] == "worker_busy"
        writer.execute("commit prepared 'run'")
        drain(worker)
        assert judged(worker) == CLEAN
        with pytest.raises(psycopg.errors.UndefinedObject):
            writer.execute("rollback prepared 'run'")

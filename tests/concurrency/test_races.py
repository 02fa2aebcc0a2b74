"""Races of two sessions: none hangs, nothing is done twice, and the loser gets an answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from uuid import UUID

import psycopg
import pytest

from engine import broken
from engine.scenarios import CLEAN, Storm, judged
from engine.sessions import (
    WORKER,
    Session,
    Together,
    drain,
    emit,
    emit_many,
    health,
    make_live,
    opened,
    read_committed,
    replay,
    run,
    seek,
    set_gate,
    value,
    wait_for_lock,
)
from waiting import AT_ONCE


@pytest.fixture
def pair(database: str) -> Iterator[list[Session]]:
    """Yield two sessions with a lock timeout of five seconds."""
    with opened(database, 2, "-c lock_timeout=5s") as sessions:
        yield sessions


def make_letter(session: Session) -> UUID:
    """Make an open dead letter whose route is dry-run again."""
    make_live(session)
    emit(session)
    run(session)
    session.execute("update public.iu_outbound_route set dry_run = true")
    letter: UUID = value(session, "select dead_letter_id from public.iu_route_dead_letter")
    return letter


def test_the_second_invocation_of_a_worker_returns_worker_busy_at_once(pair: list[Session]) -> None:
    first, second = pair
    run(first)
    emit(first)
    first.execute("begin")
    assert run(first)["seen"] == 1
    began = time.monotonic()
    said = run(second)
    assert time.monotonic() - began < AT_ONCE
    assert said["status"] == "worker_busy"
    assert [said[key] for key in ("seen", "attempts_written", "skipped", "dead_lettered")] == [0, 0, 0, 0]
    assert seek(second, "beginning")["status"] == "worker_busy"
    assert run(second, "another")["status"] == "ran"
    first.execute("rollback")
    assert run(second)["seen"] == 1


def test_of_two_concurrent_first_invocations_one_creates_the_cursor(pair: list[Session]) -> None:
    first, second = pair
    emit(first)
    first.execute("begin")
    assert run(first)["status"] == "ran"
    assert run(second)["status"] == "worker_busy"
    first.execute("commit")
    assert run(second)["seen"] in {0, 1}
    assert judged(second) == CLEAN


def _run_beside_another_login(pair: list[Session]) -> str:
    """Return the status of a first run while another login holds an advisory lock on the worker's name."""
    other, worker = pair
    other.execute("select pg_advisory_lock(26997, hashtext(%s))", (WORKER,))
    return str(run(worker)["status"])


def test_an_advisory_lock_of_another_login_does_not_block_a_first_run(pair: list[Session]) -> None:
    assert _run_beside_another_login(pair) == "ran"


def test_another_login_blocks_a_new_worker_that_depends_on_an_advisory_lock(pair: list[Session]) -> None:
    broken.advisory_lock_for_a_new_worker(pair[0])
    assert _run_beside_another_login(pair) == "worker_busy"


def test_a_second_first_invocation_waits_without_the_timeout(pair: list[Session]) -> None:
    first, second = pair
    broken.no_lock_timeout_for_a_new_worker(first)
    second.execute("set lock_timeout = '300ms'")
    first.execute("begin")
    run(first)
    began = time.monotonic()
    assert run(second)["status"] == "worker_busy"
    assert time.monotonic() - began >= 0.3


def test_a_first_invocation_that_is_rolled_back_leaves_the_name_free(pair: list[Session]) -> None:
    first, second = pair
    emit(first)
    first.execute("begin")
    run(first)
    first.execute("rollback")
    assert run(second)["attempts_written"] == 1


@pytest.mark.read_committed
def test_many_first_invocations_at_once_do_not_fail_and_attempt_nothing_twice(database: str) -> None:
    with opened(database, 8) as sessions:
        emit_many(sessions[0], 20)
        together = Together()
        gun = threading.Barrier(len(sessions))
        said: list[str] = []

        def act(session: Session) -> None:
            gun.wait()
            said.append(run(session)["status"])

        for session in sessions:
            together.start(partial(act, session))
        together.finish()
        assert set(said) <= {"ran", "worker_busy"}
        assert "ran" in said
        drain(sessions[0])
        assert judged(sessions[0]) == CLEAN
        assert value(sessions[0], "select count(*) from public.iu_route_attempt") == 20


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_a_run_with_a_stale_snapshot_is_refused_and_attempts_nothing_twice(
    pair: list[Session], level: str
) -> None:
    first, second = pair
    emit(first)
    first.execute(f"begin isolation level {level}".encode())
    value(first, "select count(*) from public.event_outbox")
    assert run(second)["seen"] == 1
    with pytest.raises(psycopg.errors.SerializationFailure):
        run(first)
    first.execute("rollback")
    drain(first)
    assert judged(first) == CLEAN


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_a_run_with_an_old_snapshot_reads_what_it_shows_and_a_later_run_the_rest(
    pair: list[Session], level: str
) -> None:
    first, second = pair
    emit(first)
    run(first, "elsewhere")
    first.execute(f"begin isolation level {level}".encode())
    value(first, "select 1 from public.event_outbox")
    emit(second, 2)
    emit(first, 3)
    assert run(first)["seen"] == 2
    assert run(first)["seen"] == 0
    emit(first, 4)
    assert run(first)["seen"] == 1
    first.execute("commit")
    assert run(second)["attempts_written"] == 1
    drain(second)
    assert judged(second) == CLEAN


def test_only_one_of_two_concurrent_replays_resolves_a_dead_letter(
    pair: list[Session], database: str
) -> None:
    first, second = pair
    read_committed(second)
    letter = make_letter(first)
    first.execute("begin")
    assert replay(first, letter)["resolved"] is True
    together = Together()
    said: list[dict[str, object]] = []
    together.start(lambda: said.append(replay(second, letter)))
    with opened(database) as (judge,):
        wait_for_lock(judge, second)
    first.execute("commit")
    together.finish()
    assert said[0]["status"] == "already_resolved"
    assert value(first, "select max(attempt_no) from public.iu_route_attempt") == 2


def test_two_replays_of_a_letter_that_stays_open_count_both(database: str) -> None:
    with opened(database, 6) as sessions:
        read_committed(*sessions)
        letter = make_letter(sessions[0])
        sessions[0].execute("update public.iu_outbound_route set enabled = false")
        together = Together()

        def replay_some(session: Session) -> None:
            for _ in range(5):
                replay(session, letter)

        for session in sessions:
            together.start(partial(replay_some, session))
        together.finish()
        assert value(sessions[0], "select attempts from public.iu_route_dead_letter") == 31
        rows = value(
            sessions[0], "select array_agg(attempt_no order by attempt_no) from public.iu_route_attempt"
        )
        assert rows == list(range(1, 32))
        assert health(sessions[0])["attempts_in_audit"] == 31


def test_a_gate_that_closes_during_a_batch_stops_the_next_one(pair: list[Session]) -> None:
    first, second = pair
    read_committed(first)
    emit_many(first, 4)
    first.execute("begin")
    assert run(first, limit=2)["seen"] == 2
    set_gate(second, "iu_core.route_worker_enabled", "false")
    assert run(first, limit=2)["status"] == "worker_gate_closed"
    first.execute("commit")
    assert run(second)["status"] == "worker_gate_closed"
    assert health(second)["backlog"] == 2
    set_gate(second, "iu_core.route_worker_enabled", "true")
    assert drain(second) == 2
    assert judged(second) == CLEAN


def test_a_route_that_changes_between_batches_counts_from_the_next_one(pair: list[Session]) -> None:
    first, second = pair
    emit_many(first, 4)
    run(first, limit=2)
    second.execute("update public.iu_outbound_route set enabled = false")
    run(first, limit=2)
    rows = value(first, "select array_agg(decision order by attempt_id) from public.iu_route_attempt")
    assert rows == ["dry_run", "dry_run", "skipped", "skipped"]


@pytest.mark.parametrize(
    ("setting", "error"),
    [("lock_timeout", psycopg.errors.LockNotAvailable), ("statement_timeout", psycopg.errors.QueryCanceled)],
)
def test_a_timeout_ends_the_invocation_and_makes_no_dead_letter(
    pair: list[Session], setting: str, error: type[psycopg.Error]
) -> None:
    worker, holder = pair
    emit_many(worker, 30)
    run(worker, limit=1)
    holder.execute("begin")
    holder.execute("lock table public.iu_route_attempt_log in access exclusive mode")
    worker.execute(f"set {setting} = '200ms'".encode())
    with pytest.raises(error):
        run(worker)
    worker.execute(f"reset {setting}".encode())
    holder.execute("commit")
    assert value(worker, "select count(*) from public.iu_route_dead_letter") == 0
    assert drain(worker) == 29
    assert judged(worker) == CLEAN


def cancelled(session: Session) -> None:
    with pytest.raises(psycopg.errors.QueryCanceled):
        run(session)


def test_a_cancelled_invocation_makes_no_dead_letter(pair: list[Session]) -> None:
    worker, holder = pair
    emit_many(worker, 30)
    run(worker, limit=1)
    holder.execute("begin")
    holder.execute("lock table public.iu_route_attempt_log in access exclusive mode")
    together = Together()
    together.start(lambda: cancelled(worker))
    wait_for_lock(holder, worker)
    worker.cancel()
    together.finish()
    holder.execute("commit")
    assert value(worker, "select count(*) from public.iu_route_dead_letter") == 0
    assert drain(worker) == 29
    assert judged(worker) == CLEAN


def test_a_deadlock_makes_no_dead_letter(database: str) -> None:
    with opened(database, 2, "-c deadlock_timeout=100ms") as (worker, other):
        emit_many(worker, 5)
        worker.execute("begin")
        worker.execute("select from public.dot_config where key = 'iu_core.stall_seconds' for update")
        other.execute("begin")
        other.execute("lock table public.iu_route_attempt_log in share mode")
        together = Together()
        errors: list[str | None] = []

        def attempt(session: Session, act: str) -> None:
            try:
                session.execute(act.encode())
            except psycopg.Error as error:
                errors.append(error.sqlstate)

        together.start(lambda: attempt(worker, f"select public.fn_iu_route_worker_run('{WORKER}', 10)"))
        with opened(database) as (judge,):
            wait_for_lock(judge, worker)
        attempt(other, "select from public.dot_config where key = 'iu_core.stall_seconds' for update")
        worker.execute("rollback") if errors else None
        other.execute("rollback")
        together.finish()
        worker.execute("rollback")
        assert errors == ["40P01"]
        assert value(worker, "select count(*) from public.iu_route_dead_letter") == 0
        drain(worker)
        assert judged(worker) == CLEAN


def test_four_workers_with_two_invocations_each_and_sixteen_writers_attempt_nothing_twice(
    database: str,
) -> None:
    names = ("one", "two", "three", "four")
    storm = Storm(writers=16, workers=8, names=names, seconds=3, seed=1)
    report, events = storm.play(database)
    assert report == CLEAN
    assert events > 50
    with opened(database) as (session,):
        assert [judged(session, name) for name in names] == [CLEAN] * 4
        assert value(session, "select count(*) from public.iu_route_attempt") == 4 * events


def test_without_the_unique_constraint_and_the_cursor_lock_workers_attempt_events_twice(
    database: str,
) -> None:
    names = ("one", "two", "three", "four")
    with opened(database) as (session,):
        for name in names:
            run(session, name)
        broken.no_idempotency(session)
        broken.cursor_for_everybody(session)
    storm = Storm(writers=4, workers=8, names=names, seconds=1.5)
    assert storm.play(database)[0].twice > 0


@pytest.mark.parametrize("change", ["gate", "route off", "route live"])
def test_a_change_during_a_batch_applies_to_all_of_it_or_to_the_next_one(
    pair: list[Session], database: str, change: str
) -> None:
    worker, other = pair
    if change == "route live":
        make_live(other)
        other.execute("update public.iu_outbound_route set dry_run = true")
    emit_many(worker, 12)
    run(worker, limit=2)
    other.execute("begin")
    other.execute("lock table public.iu_route_attempt_log in share mode")
    together = Together()
    said: list[dict[str, object]] = []
    together.start(lambda: said.append(run(worker, limit=10)))
    with opened(database) as (hand,):
        wait_for_lock(hand, worker)
        if change == "gate":
            set_gate(hand, "iu_core.route_worker_enabled", "false")
        else:
            states = "enabled = false" if change == "route off" else "dry_run = false"
            hand.execute(f"update public.iu_outbound_route set {states}".encode())
    other.execute("commit")
    together.finish()
    assert (said[0]["status"], said[0]["seen"], said[0]["attempts_written"]) == ("ran", 10, 10)
    emit_many(other, 1)
    after = run(other)
    assert after["status"] == ("worker_gate_closed" if change == "gate" else "ran")
    set_gate(other, "iu_core.route_worker_enabled", "true")
    drain(other)
    decisions = value(other, _DECISIONS)
    last = {"gate": "dry_run", "route off": "skipped", "route live": "failed"}[change]
    assert decisions in ([["dry_run"], ["dry_run"], [last]], [["dry_run"], [last], [last]])
    assert value(other, "select public.fn_iu_audit_attempts_verify(%s) ->> 'fault'", (WORKER,)) is None
    assert judged(other) == CLEAN


_DECISIONS = """
select jsonb_agg(b.decisions order by b.batch_id) from (
    select a.batch_id, jsonb_agg(distinct a.decision) as decisions
    from public.iu_route_attempt as a group by a.batch_id
) as b
"""


ADD = "select public.fn_iu_route_worker_add('shop_worker', 'shop', 'test')"
RETIRE = f"select public.fn_iu_route_worker_retire('{WORKER}', 'test')"


def test_of_two_concurrent_adds_of_a_worker_one_creates_it(pair: list[Session]) -> None:
    first, second = pair
    first.execute("begin")
    assert value(first, ADD)["status"] == "added"
    began = time.monotonic()
    assert value(second, ADD)["status"] == "worker_busy"
    assert time.monotonic() - began < AT_ONCE
    first.execute("commit")
    assert value(second, ADD)["status"] == "exists"
    assert value(second, "select count(*) from public.iu_config_history where name = 'shop_worker'") == 1


def test_a_retire_beside_a_run_of_the_worker_is_busy_and_changes_nothing(pair: list[Session]) -> None:
    first, second = pair
    emit(first)
    run(first)
    emit(first)
    first.execute("begin")
    assert run(first)["seen"] == 1
    began = time.monotonic()
    assert value(second, RETIRE)["status"] == "worker_busy"
    assert time.monotonic() - began < AT_ONCE
    first.execute("commit")
    assert value(second, RETIRE)["status"] == "retired"
    assert judged(second) == CLEAN


HALT = 4713
"""The advisory lock at which a run waits between its read of the cursor and its lock."""


def read_by_a_retired_worker(url: str) -> int:
    """Retire a worker between a run's read of the cursor and its lock; return how many events it reads."""
    together = Together()
    seen: list[int] = []
    with opened(url, 2) as (runner, operator):
        read_committed(runner, operator)
        run(operator)
        operator.execute(
            "update public.iu_route_worker_cursor set last_run_at = last_run_at - interval '2 minutes'"
        )
        broken.run_that_halts(operator, HALT)
        operator.execute("select pg_advisory_lock(%s)", (HALT,))

        def read() -> None:
            with suppress(psycopg.DatabaseError):
                seen.append(run(runner)["seen"])

        together.start(read)
        wait_for_lock(operator, runner)
        assert value(operator, RETIRE)["status"] == "retired"
        emit(operator)
        operator.execute("select pg_advisory_unlock(%s)", (HALT,))
        together.finish()
    return sum(seen)


def test_a_worker_that_is_retired_during_a_run_reads_nothing(database: str) -> None:
    assert read_by_a_retired_worker(database) == 0


def test_a_retirement_that_is_checked_once_is_noticed(database: str) -> None:
    with opened(database) as (session,):
        broken.retirement_checked_once(session)
    assert read_by_a_retired_worker(database) == 1

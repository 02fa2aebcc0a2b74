"""Retention rounds in races that could lose an event; in each, a broken round does lose events."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import psycopg
import pytest

from engine import broken
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
    wait_for_lock,
)

pytestmark = pytest.mark.read_committed

DEFAULT = "iu_outbound_default"
LATE = 4712
"""The advisory lock at which a round waits in the scenario of the late commit."""


def keep_a_day(session: Session) -> None:
    """Keep events for a day, and date new events a month back."""
    set_gate(session, "iu_core.retention_days", "1")
    session.execute("alter table public.event_outbox alter created_at set default now() - interval '30 days'")


def retain(session: Session) -> dict[str, Any]:
    said: dict[str, Any] = value(session, "select public.fn_iu_retention_run('a test')")
    return said


def lost_by_a_seek(url: str) -> int:
    """Run a round while a seek to the beginning is not yet committed."""
    with opened(url, 2) as (keeper, seeker):
        keep_a_day(keeper)
        emit_many(keeper, 20)
        drain(keeper, DEFAULT)
        drain(keeper, WORKER)
        seeker.execute("begin")
        assert seek(seeker, "beginning")["status"] == "sought"
        retain(keeper)
        seeker.execute("commit")
        return 20 - drain(seeker)


def lost_by_a_first_run(url: str) -> int:
    """Run a round while the first run of a new worker, of one event, is not yet committed."""
    with opened(url, 2) as (keeper, worker):
        keep_a_day(keeper)
        emit_many(keeper, 20)
        drain(keeper, DEFAULT)
        worker.execute("begin")
        assert run(worker, limit=1)["seen"] == 1
        retain(keeper)
        worker.execute("commit")
        return 19 - drain(worker)


def lost_by_an_old_snapshot(url: str) -> int:
    """Commit a seek to the beginning between the snapshot of a round and its read of the cursors."""
    with opened(url, 2) as (keeper, seeker):
        keep_a_day(keeper)
        emit_many(keeper, 20)
        drain(keeper, DEFAULT)
        drain(keeper, WORKER)
        keeper.execute("begin isolation level repeatable read")
        left(keeper)
        seek(seeker, "beginning")
        with suppress(psycopg.DatabaseError):
            retain(keeper)
        keeper.execute("commit")
        return 20 - drain(seeker)


def lost_by_a_late_commit(url: str) -> int:
    """Commit the lowest event after a round has judged and before it selects the events to delete."""
    together = Together()
    with opened(url, 4) as (slow, keeper, gate, judge):
        keep_a_day(judge)
        slow.execute("begin")
        emit(slow)
        emit_many(judge, 5)
        drain(judge, DEFAULT)
        broken.retention_that_halts(judge, LATE)
        gate.execute("select pg_advisory_lock(%s)", (LATE,))
        together.start(lambda: retain(keeper))
        wait_for_lock(judge, keeper)
        slow.execute("commit")
        gate.execute("select pg_advisory_unlock(%s)", (LATE,))
        together.finish()
        return 1 - drain(judge, DEFAULT)


def lost_in_an_open_transaction(url: str) -> int:
    """Read all but an open transaction, which commits before the round."""
    with opened(url, 2) as (slow, keeper):
        keep_a_day(keeper)
        slow.execute("begin")
        emit(slow)
        emit_many(keeper, 5)
        drain(keeper, DEFAULT)
        slow.execute("commit")
        retain(keeper)
        return 1 - drain(keeper, DEFAULT)


def lost_in_a_window(url: str) -> int:
    """Read five of the twenty events of a window."""
    with opened(url) as (session,):
        keep_a_day(session)
        emit_many(session, 20)
        drain(session, DEFAULT)
        assert run(session, limit=5)["seen"] == 5
        retain(session)
        return 15 - drain(session)


def lost_below_the_position(url: str) -> int:
    """Commit the lowest event after a worker has read higher ones in an open window."""
    with opened(url, 2) as (slow, session):
        keep_a_day(session)
        slow.execute("begin")
        emit(slow)
        emit_many(session, 20)
        assert run(session, limit=5)["seen"] == 5
        slow.execute("commit")
        drain(session, DEFAULT)
        retain(session)
        return 16 - drain(session)


Scenario = Callable[[str], int]
SCENARIOS: list[tuple[Scenario, Callable[[Session], None]]] = [
    (lost_by_a_seek, broken.retention_without_a_lock),
    (lost_by_a_first_run, broken.retention_without_a_lock),
    (lost_by_an_old_snapshot, broken.retention_at_any_isolation),
    (lost_by_a_late_commit, broken.retention_in_two_looks),
    (lost_in_an_open_transaction, broken.retention_that_forgets_open_transactions),
    (lost_in_a_window, broken.retention_that_ignores_the_position),
    (lost_below_the_position, broken.retention_that_trusts_the_position),
]


def left(session: Session) -> int:
    count: int = value(session, "select count(*) from public.event_outbox")
    return count


@pytest.mark.parametrize(
    "scenario", [scenario for scenario, _ in SCENARIOS], ids=lambda scenario: scenario.__name__
)
def test_no_unread_event_is_deleted(scenario: Scenario, database: str) -> None:
    assert scenario(database) == 0


@pytest.mark.parametrize(("scenario", "breaking"), SCENARIOS, ids=lambda one: one.__name__)
def test_a_deliberately_broken_round_deletes_unread_events(
    scenario: Scenario, breaking: Callable[[Session], None], database: str
) -> None:
    with opened(database) as (session,):
        breaking(session)
    assert scenario(database) > 0


def test_a_round_returns_busy_during_a_seek_and_during_a_first_run(database: str) -> None:
    with opened(database, 2) as (keeper, other):
        keep_a_day(keeper)
        for begun in (partial(seek, other, "latest"), partial(run, other, "newcomer")):
            other.execute("begin")
            begun()
            assert retain(keeper)["status"] == "busy"
            other.execute("commit")
            assert retain(keeper)["status"] == "ran"


def test_a_seek_and_a_new_worker_return_worker_busy_during_a_round(database: str) -> None:
    with opened(database, 2) as (keeper, other):
        keep_a_day(keeper)
        emit_many(keeper, 5)
        drain(keeper, DEFAULT)
        drain(keeper, WORKER)
        first = value(keeper, "select event_id from public.event_outbox order by event_seq limit 1")
        keeper.execute("begin")
        assert retain(keeper)["events"] == 4
        assert seek(other, str(first))["status"] == "worker_busy"
        assert run(other, "newcomer")["status"] == "worker_busy"
        keeper.execute("commit")
        with pytest.raises(psycopg.Error) as refused:
            seek(other, str(first))
        assert refused.value.sqlstate == "IU501"
        assert run(other, "newcomer")["seen"] == 1


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_a_round_under_a_stricter_default_names_the_level_and_the_remedy(database: str, level: str) -> None:
    with opened(database) as (session,):
        keep_a_day(session)
        emit_many(session, 5)
        drain(session, DEFAULT)
        session.execute(f"set default_transaction_isolation = '{level}'".encode())
        with pytest.raises(psycopg.Error, match=f"in a {level} transaction") as refused:
            retain(session)
        assert refused.value.sqlstate == "IU303"
        assert "read committed" in (refused.value.diag.message_hint or "")
        session.execute("begin isolation level read committed")
        assert retain(session)["events"] == 4
        session.execute("commit")


def test_events_that_a_seek_saw_are_read_during_concurrent_rounds(database: str) -> None:
    together = Together()
    with opened(database, 4) as (writer, keeper, reader, seeker):
        keep_a_day(writer)
        drain(reader, DEFAULT)

        def keep() -> None:
            while writing.is_alive():
                drain(reader, DEFAULT)
                retain(keeper)

        def write() -> None:
            for _ in range(60):
                emit_many(writer, 5)

        writing = together.start(write)
        together.start(keep)
        while writing.is_alive():
            seeker.execute("begin")
            if seek(seeker, "beginning")["status"] == "sought":
                seen = left(seeker)
                seeker.execute("commit")
                assert drain(seeker, limit=7) >= seen
            else:
                seeker.execute("rollback")
        together.finish()

"""A transaction draws event numbers after it has its id; the start of a window depends on this.

A transaction that gets its id after a mark of the worker draws numbers above all that were read before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import UUID

import psycopg
import pytest

from engine.scenarios import CLEAN, judged
from engine.sessions import WORKER, Session, drain, emit, emit_many, opened, run, seek, value

SEQUENCE = "public.event_outbox_event_seq_seq"
SWAPPED = """create table public.swapped (
    event_seq bigint generated always as identity, emitted_xid xid8 default pg_current_xact_id(), at int)"""


@pytest.fixture
def pair(database: str) -> Iterator[list[Session]]:
    with opened(database, 2) as sessions:
        yield sessions


def draws_its_number_last(session: Session, sequence: str, write: Callable[[], object]) -> bool:
    """Return whether the transaction has its id when its write fails because the sequence is exhausted."""
    write()
    write()
    session.execute(
        f"do $$ begin execute format('alter sequence {sequence} maxvalue %s', "
        f"(select last_value from {sequence})); end $$".encode()
    )
    session.execute("begin")
    with pytest.raises(psycopg.errors.SequenceGeneratorLimitExceeded), session.transaction():
        write()
    drawn = value(session, "select pg_current_xact_id_if_assigned() is not null")
    session.execute("rollback")
    return bool(drawn)


@pytest.mark.parametrize("write", [emit, lambda session: emit_many(session, 3)], ids=["emit", "bulk emit"])
def test_an_event_draws_its_number_after_its_transaction_has_an_id(
    pair: list[Session], write: Callable[[Session], object]
) -> None:
    assert draws_its_number_last(pair[0], SEQUENCE, lambda: write(pair[0]))


def test_a_table_with_swapped_columns_draws_its_number_too_early(pair: list[Session]) -> None:
    pair[0].execute(SWAPPED)
    assert not draws_its_number_last(
        pair[0],
        "public.swapped_event_seq_seq",
        lambda: pair[0].execute("insert into public.swapped (at) values (1)"),
    )


@pytest.mark.parametrize(
    "breach",
    [
        f"alter sequence {SEQUENCE} cache 20",
        "alter table public.event_outbox rename emitted_xid to elsewhere",
    ],
)
def test_verify_names_an_outbox_whose_numbers_are_drawn_too_early(
    pair: list[Session], breach: str, proof_030: str
) -> None:
    pair[0].execute(proof_030.encode())
    pair[0].execute(breach.encode())
    with pytest.raises(psycopg.Error, match="030_event_types_and_outbox"):
        pair[0].execute(proof_030.encode())


def own_event_of_an_old_snapshot(worker: Session, writer: Session, act: Callable[[], object]) -> UUID:
    """Return an event of a transaction that is open while another, with an older snapshot, emits and acts."""
    drain(worker)
    worker.execute("begin isolation level repeatable read")
    value(worker, "select count(*) from public.event_outbox")
    writer.execute("begin")
    between = emit(writer, 7)
    emit(worker, 8)
    act()
    worker.execute("commit")
    writer.execute("commit")
    return between


def attempted(session: Session, event: UUID) -> bool:
    return bool(
        value(
            session,
            "select exists (select from public.iu_route_attempt where event_id = %s and worker_name = %s)",
            (event, WORKER),
        )
    )


def test_own_events_that_an_old_snapshot_does_not_order_hide_no_other_event(pair: list[Session]) -> None:
    worker, writer = pair
    between = own_event_of_an_old_snapshot(worker, writer, lambda: run(worker))
    drain(worker)
    assert attempted(worker, between)
    assert judged(worker) == CLEAN


@pytest.mark.parametrize("position", ["latest", "event"])
def test_a_seek_to_an_own_event_hides_no_other_event(pair: list[Session], position: str) -> None:
    worker, writer = pair

    def act() -> None:
        own = value(worker, "select event_id from public.event_outbox order by event_seq desc limit 1")
        seek(worker, "latest" if position == "latest" else str(own))

    between = own_event_of_an_old_snapshot(worker, writer, act)
    drain(worker)
    assert attempted(worker, between)


def hidden_by_a_number(pair: list[Session], third: Session) -> UUID:
    """Return an event with a low number, whose transaction no snapshot lists when a higher number is read.

    A snapshot ends after the highest id that has completed. An open transaction with a higher id is in its
    future, and may have drawn its numbers long ago.
    """
    older, younger = pair
    drain(third)
    older.execute("begin")
    value(older, "select pg_current_xact_id()")
    younger.execute("begin")
    hidden = emit(younger, 7)
    emit(older, 8)
    older.execute("commit")
    run(third)
    younger.execute("commit")
    for _ in range(3):
        drain(third)
        emit(third, 9)
    drain(third)
    return hidden


def test_an_event_with_a_lower_number_than_the_last_one_read_is_still_read(
    pair: list[Session], database: str
) -> None:
    with opened(database) as (third,):
        for _ in range(5):
            assert attempted(third, hidden_by_a_number(pair, third))
        assert judged(third) == CLEAN


def test_a_worker_that_continues_after_the_last_number_read_loses_events_with_lower_numbers(
    pair: list[Session], database: str
) -> None:
    with opened(database) as (third,):
        body = value(third, "select pg_get_functiondef('public.fn_iu_window_advance'::regproc)")
        reads = "given.position_seq := greatest(given.position_seq, last_event_seq);"
        assert reads in body
        broken = body.replace(
            reads, f"{reads} given.window_start_seq := greatest(given.window_start_seq, last_event_seq + 1);"
        )
        third.execute(broken.encode())
        # Another transaction that completes a higher id in between makes the snapshot list them all.
        assert any(not attempted(third, hidden_by_a_number(pair, third)) for _ in range(400))

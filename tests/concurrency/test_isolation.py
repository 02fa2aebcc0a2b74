"""Above read committed a transaction keeps one snapshot: a change since then is refused, never ignored."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from concurrency.test_races import make_letter
from engine import broken
from engine.scenarios import CLEAN, Storm, judged
from engine.sessions import (
    Session,
    drain,
    emit,
    emit_many,
    health,
    opened,
    replay,
    run,
    seek,
    set_gate,
    value,
)

MASTER = "iu_core.routes_enabled"
WORKER_GATE = "iu_core.route_worker_enabled"

STILL = pytest.mark.parametrize("level", ["repeatable read", "serializable"])
GATE = pytest.mark.parametrize("gate", [MASTER, WORKER_GATE])

refused = pytest.raises(psycopg.errors.SerializationFailure)


@pytest.fixture
def pair(database: str) -> Iterator[list[Session]]:
    """Yield two sessions with a lock timeout of half a second."""
    with opened(database, 2, "-c lock_timeout=500ms") as sessions:
        yield sessions


def begin(session: Session, level: str) -> None:
    """Begin a transaction and take its snapshot."""
    session.execute(f"begin isolation level {level}".encode())
    session.execute("select from public.dot_config")


@STILL
@GATE
def test_a_gate_that_was_closed_after_the_snapshot_stops_the_run(
    pair: list[Session], level: str, gate: str
) -> None:
    worker, other = pair
    emit_many(worker, 3)
    begin(worker, level)
    set_gate(other, gate, "false")
    with refused:
        run(worker)
    worker.execute("rollback")
    assert value(worker, "select count(*) from public.iu_route_attempt") == 0
    assert health(worker)["backlog"] == 3
    assert run(worker)["status"].endswith("_gate_closed")


@STILL
def test_without_the_lock_a_run_continues_although_the_gate_is_closed(
    pair: list[Session], level: str
) -> None:
    worker, other = pair
    broken.gates_of_the_snapshot(other)
    emit_many(worker, 3)
    begin(worker, level)
    set_gate(other, WORKER_GATE, "false")
    assert run(worker)["attempts_written"] == 3


@STILL
def test_a_master_gate_that_was_closed_after_the_snapshot_stops_the_replay(
    pair: list[Session], level: str
) -> None:
    worker, other = pair
    letter = make_letter(other)
    begin(worker, level)
    set_gate(other, MASTER, "false")
    with refused:
        replay(worker, letter)
    worker.execute("rollback")
    assert replay(worker, letter)["status"] == "master_gate_closed"


@STILL
def test_a_gate_whose_row_was_deleted_since_the_snapshot_ends_the_run(
    pair: list[Session], level: str
) -> None:
    worker, other = pair
    begin(worker, level)
    other.execute("delete from public.dot_config where key = %s", (WORKER_GATE,))
    with refused:
        run(worker)
    worker.execute("rollback")
    assert run(worker)["status"] == "worker_gate_closed"


@STILL
def test_a_gate_that_opened_since_the_snapshot_is_still_closed_and_holds(
    pair: list[Session], level: str
) -> None:
    worker, other = pair
    emit(other)
    set_gate(other, WORKER_GATE, "false")
    begin(worker, level)
    set_gate(other, WORKER_GATE, "true")
    assert run(worker)["status"] == "worker_gate_closed"
    worker.execute("commit")
    assert run(worker)["seen"] == 1


@STILL
def test_a_gate_whose_row_was_inserted_since_the_snapshot_is_still_closed(
    pair: list[Session], level: str
) -> None:
    worker, other = pair
    other.execute(
        "create table public.kept as with gone as "
        "(delete from public.dot_config where key = %s returning *) select * from gone",
        (WORKER_GATE,),
    )
    begin(worker, level)
    other.execute("insert into public.dot_config select * from public.kept")
    assert run(worker)["status"] == "worker_gate_closed"


@STILL
def test_a_transaction_uses_the_gates_that_it_set_itself(pair: list[Session], level: str) -> None:
    worker = pair[0]
    emit(worker)
    begin(worker, level)
    set_gate(worker, WORKER_GATE, "false")
    assert run(worker)["status"] == "worker_gate_closed"
    set_gate(worker, WORKER_GATE, "true")
    assert run(worker)["seen"] == 1


@pytest.mark.parametrize("level", ["read committed", "repeatable read", "serializable"])
@GATE
def test_closing_a_gate_waits_for_no_run_and_raises_no_error(
    pair: list[Session], level: str, gate: str
) -> None:
    worker, other = pair
    emit(worker)
    begin(worker, level)
    assert run(worker)["seen"] == 1
    other.execute(f"begin isolation level {level}".encode())
    set_gate(other, gate, "false")
    other.execute("commit")
    worker.execute("commit")
    assert run(worker)["status"].endswith("_gate_closed")
    assert judged(worker) == CLEAN


@pytest.mark.parametrize("level", ["read committed", "repeatable read", "serializable"])
def test_a_run_does_not_wait_for_a_gate_that_is_being_set(pair: list[Session], level: str) -> None:
    worker, other = pair
    emit(worker)
    other.execute("begin")
    set_gate(other, WORKER_GATE, "false")
    begin(worker, level)
    assert run(worker)["seen"] == 1
    other.execute("commit")
    if level == "read committed":
        assert run(worker)["status"] == "worker_gate_closed"
    else:
        with refused:
            run(worker)


def test_at_read_committed_gates_are_read_without_a_lock_and_a_transaction_id(pair: list[Session]) -> None:
    worker = pair[0]
    worker.execute("begin isolation level read committed")
    run(worker)
    worker.execute("commit")
    set_gate(worker, WORKER_GATE, "false")
    worker.execute("begin isolation level read committed")
    assert run(worker)["status"] == "worker_gate_closed"
    assert value(worker, "select pg_current_xact_id_if_assigned()") is None
    worker.execute("commit")
    assert value(worker, "select max(xmax::text) from public.dot_config where key = %s", (MASTER,)) == "0"


@STILL
@pytest.mark.parametrize("act", ["run", "seek"])
@pytest.mark.parametrize("name", ["new", "known"])
def test_a_cursor_that_was_made_since_the_snapshot_raises_a_serialization_failure(
    pair: list[Session], level: str, act: str, name: str
) -> None:
    late, other = pair
    emit(other)
    if name == "known":
        other.execute("select public.fn_iu_name_intern('tester')")
    begin(late, level)
    assert run(other)["seen"] == 1
    with refused:
        run(late) if act == "run" else seek(late, "beginning")
    late.execute("rollback")
    drain(late)
    assert judged(late) == CLEAN


@STILL
@pytest.mark.parametrize("act", ["seek", "run"])
def test_a_cursor_that_was_moved_since_the_snapshot_is_not_moved_back(
    pair: list[Session], level: str, act: str
) -> None:
    late, other = pair
    run(other)
    emit_many(other, 3)
    begin(late, level)
    if act == "run":
        run(other)
    else:
        seek(other, "latest")
    with refused:
        seek(late, "beginning")
    late.execute("rollback")
    assert run(late)["seen"] == 0


@STILL
@pytest.mark.parametrize("act", ["replay", "discard"])
def test_a_letter_that_was_closed_since_the_snapshot_is_not_tried_again(
    pair: list[Session], level: str, act: str
) -> None:
    late, other = pair
    letter = make_letter(other)
    begin(late, level)
    replay(other, letter)
    with refused:
        if act == "replay":
            replay(late, letter)
        else:
            value(late, "select public.fn_iu_route_dead_letter_discard(%s, 'a test')", (letter,))
    late.execute("rollback")
    assert value(late, "select max(attempt_no) from public.iu_route_attempt") == 2


@STILL
def test_a_gate_that_changed_since_the_snapshot_is_not_overwritten(pair: list[Session], level: str) -> None:
    late, other = pair
    begin(late, level)
    set_gate(other, MASTER, "false")
    with refused:
        set_gate(late, MASTER, "true")
    late.execute("rollback")
    assert run(late)["status"] == "master_gate_closed"


@STILL
def test_two_sessions_that_anchor_the_outbox_or_seek_at_once_lose_nothing(
    pair: list[Session], level: str
) -> None:
    late, other = pair
    run(other)
    emit(other, 1)
    begin(late, level)
    emit(other, 2)
    assert seek(late, "latest", "elsewhere")["status"] == "sought"
    late.execute("commit")
    assert run(late, "elsewhere")["seen"] == 1


@STILL
def test_eight_writers_and_three_invocations_of_one_worker_lose_and_repeat_nothing(
    database: str, level: str
) -> None:
    report, events = Storm(workers=3, seconds=2.0, seed=2, level=level).play(database)
    assert report == CLEAN
    assert events > 50


@pytest.mark.read_committed
@STILL
def test_a_seek_that_has_to_anchor_requires_read_committed(pair: list[Session], level: str) -> None:
    worker, other = pair
    emit_many(worker, 3)
    assert drain(worker) == 3
    other.execute("set session_replication_role = replica")
    other.execute("update public.event_outbox_cluster set system_identifier = 1")
    begin(worker, level)
    with pytest.raises(psycopg.Error) as refusal:
        seek(worker, "latest")
    assert (refusal.value.sqlstate, level in str(refusal.value)) == ("IU303", True)
    worker.execute("rollback")
    assert value(worker, "select count(*) from public.event_outbox_cluster") == 1
    assert seek(worker, "latest")["status"] == "sought"
    assert judged(worker) == CLEAN

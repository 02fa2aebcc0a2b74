"""Following events and attempts: each is shown once, whatever the order of the commits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID, uuid4

import psycopg
import pytest

from domain.samples import ROUTE, add_letter, emit
from iu_pipelines.db.embedded.server import EmbeddedServer
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import migration
from iu_pipelines.domain import event_tail, outbox, worker
from iu_pipelines.domain.attempts import Attempt
from iu_pipelines.domain.event_tail import PAGE, Tail, Wanted
from iu_pipelines.domain.outbox import Event, NewEvent
from iu_pipelines.domain.worker import DEFAULT_WORKER
from iu_pipelines.errors import BatchLimitInvalid, ConnectionFailed, CursorPositionUnknown
from waiting import eventually

EMIT = """select public.fn_iu_emit_event(
    'version_applied', 'docs/late', gen_random_uuid(), 'test', '{}') as event_id"""


def following(gateway: Gateway, **wanted: object) -> Tail:
    reader = Tail(gateway, Wanted(**wanted))  # type: ignore[arg-type]
    reader.start(0)
    return reader


def ids(found: Iterator[Event | Attempt]) -> list[UUID]:
    return [one.event_id for one in found]


@contextmanager
def open_transaction(url: str) -> Iterator[psycopg.Connection[tuple[UUID]]]:
    with psycopg.connect(url) as connection:
        yield connection


def emitted(connection: psycopg.Connection[tuple[UUID]]) -> UUID:
    row = connection.execute(EMIT).fetchone()
    assert row
    return row[0]


def test_an_event_that_commits_late_is_shown_once(gateway: Gateway, database: str) -> None:
    reader = following(gateway)
    with open_transaction(database) as late:
        hidden = emitted(late)
        seen = emit(gateway)
        assert ids(reader.poll()) == [seen]
        assert ids(reader.poll()) == []
        late.commit()
    assert ids(reader.poll()) == [hidden]
    assert ids(reader.poll()) == []


def test_a_transaction_that_was_open_at_the_start_is_shown(gateway: Gateway, database: str) -> None:
    with open_transaction(database) as early:
        hidden = emitted(early)
        shown_at_start = emit(gateway)
        reader = Tail(gateway, Wanted())
        assert [one.event_id for one in reader.start(10)] == [shown_at_start]
        early.commit()
    assert ids(reader.poll()) == [hidden]


def test_interleaved_transactions_are_each_shown_when_they_end(gateway: Gateway, database: str) -> None:
    reader = following(gateway)
    shown: list[UUID] = []
    made: list[UUID] = []
    with open_transaction(database) as first, open_transaction(database) as second:
        for turn in range(6):
            made += [emitted(first), emitted(second), emit(gateway)]
            shown += ids(reader.poll())
            (first if turn % 2 else second).commit()
            shown += ids(reader.poll())
        first.commit()
        second.commit()
        shown += ids(reader.poll())
    assert sorted(shown) == sorted(made)


def test_events_of_a_transaction_that_was_rolled_back_are_not_shown(gateway: Gateway, database: str) -> None:
    reader = following(gateway)
    with open_transaction(database) as undone:
        emitted(undone)
        undone.rollback()
    seen = emit(gateway)
    assert ids(reader.poll()) == [seen]


def test_more_events_than_a_page_are_shown_once_and_in_order(gateway: Gateway) -> None:
    reader = following(gateway)
    made = outbox.emit_many(
        gateway,
        [NewEvent("version_applied", f"docs/{n}", uuid4(), "test", {}) for n in range(2 * PAGE + 10)],
    )
    made.append(emit(gateway))
    assert ids(reader.poll()) == made
    assert ids(reader.poll()) == []


def test_events_of_every_domain_are_shown_or_of_one(gateway: Gateway) -> None:
    gateway.execute(
        """insert into public.event_type_registry (event_type, event_domain, event_stream, delivery_lane)
           values ('crm.changed', 'crm', 'update', 'batch')"""
    )
    readers = [following(gateway), following(gateway, domain="crm"), following(gateway, event_type="x")]
    made = [emit(gateway), emit(gateway, event_type="crm.changed"), emit(gateway)]
    assert [ids(reader.poll()) for reader in readers] == [made, [made[1]], []]


def test_the_newest_events_and_attempts_come_first_oldest_first(gateway: Gateway) -> None:
    made = [emit(gateway) for _ in range(4)]
    worker.run_once(gateway, DEFAULT_WORKER, 10)
    reader = Tail(gateway, Wanted(attempts=True))
    found = reader.start(2)
    assert [(type(one), one.event_id) for one in found] == [
        *((Event, one) for one in made[2:]),
        *((Attempt, one) for one in made[2:]),
    ]
    assert list(reader.poll()) == []
    with pytest.raises(BatchLimitInvalid):
        reader.start(10_001)


def test_attempts_of_batches_and_replays_are_shown(gateway: Gateway) -> None:
    reader = following(gateway, attempts=True)
    letter = add_letter(gateway)
    event_id = emit(gateway)
    assert len(list(reader.poll())) == 2
    worker.run_once(gateway, DEFAULT_WORKER, 1)
    worker.run_once(gateway, "second", 10)
    found = [one for one in reader.poll() if isinstance(one, Attempt)]
    assert [(one.worker_name, one.decision) for one in found] == [
        (DEFAULT_WORKER, "dry_run"),
        ("second", "dry_run"),
        ("second", "dry_run"),
    ]
    gateway.fetch_value("select public.fn_iu_route_dead_letter_replay(%s)", (letter,))
    worker.run_once(gateway, DEFAULT_WORKER, 1)
    later = [one for one in reader.poll() if isinstance(one, Attempt)]
    assert [(one.event_id == event_id, one.attempt_no) for one in later] == [(True, 1), (False, 2)]
    assert list(reader.poll()) == []


def test_attempts_are_selected_by_worker_route_type_and_domain(gateway: Gateway) -> None:
    chosen: list[dict[str, object]] = [
        {"worker_name": "second"},
        {"route_code": ROUTE},
        {"attempts": True, "event_type": "version_applied", "worker_name": "second"},
        {"route_code": ROUTE, "domain": "crm"},
    ]
    readers = [following(gateway, **wanted) for wanted in chosen]
    emit(gateway)
    emit(gateway, event_type="sql_link_created")
    for name in (DEFAULT_WORKER, "second"):
        worker.run_once(gateway, name, 10)
    assert [len(list(reader.poll())) for reader in readers] == [2, 2, 1, 0]


def test_a_batch_of_more_attempts_than_a_page_is_shown_in_order(gateway: Gateway) -> None:
    reader = following(gateway, worker_name=DEFAULT_WORKER)
    events = [NewEvent("version_applied", "docs/a", uuid4(), "test", {}) for _ in range(2 * PAGE + 10)]
    made = outbox.emit_many(gateway, events)
    worker.run_once(gateway, DEFAULT_WORKER, 10_000)
    assert ids(reader.poll()) == made


def replay_in(connection: psycopg.Connection[tuple[UUID]], letter: UUID) -> None:
    connection.execute("select public.fn_iu_route_dead_letter_replay(%s)", (letter,))


def test_a_replay_that_commits_after_later_replays_is_shown_once(gateway: Gateway, database: str) -> None:
    letters = [add_letter(gateway, key=f"test:{number}") for number in range(4)]
    reader = following(gateway, attempts=True)
    with open_transaction(database) as late:
        replay_in(late, letters[0])
        for letter in letters[1:]:
            gateway.fetch_value("select public.fn_iu_route_dead_letter_replay(%s)", (letter,))
            assert len(list(reader.poll())) == 1
            assert list(reader.poll()) == []
        late.commit()
    assert len(list(reader.poll())) == 1
    assert list(reader.poll()) == []


def test_replays_that_were_seen_are_forgotten_when_no_older_transaction_is_open(gateway: Gateway) -> None:
    letters = [add_letter(gateway, key=f"test:{number}") for number in range(3)]
    reader = following(gateway, attempts=True)
    for letter in letters:
        gateway.fetch_value("select public.fn_iu_route_dead_letter_replay(%s)", (letter,))
    assert len(list(reader.poll())) == 3
    # Tests that run beside this one may have older transactions open.
    eventually(lambda: list(reader.poll()) == [] and not reader._replays.known)
    with gateway.transaction() as session:
        reader._gateway = session  # type: ignore[assignment]  # it has what a poll calls
        for _ in range(3):
            assert list(reader.poll()) == []
        assigned = session.fetch_value("select pg_current_xact_id_if_assigned()::text")
    assert assigned is None, "an idle poll assigned a transaction id"


def test_no_snapshot_is_held_between_two_polls(gateway: Gateway, database: str) -> None:
    reader = following(gateway, attempts=True)
    emit(gateway)
    list(reader.poll())
    with psycopg.connect(database, autocommit=True) as other:
        held = other.execute(
            """select count(*) from pg_stat_activity
               where datname = current_database() and pid <> pg_backend_pid()
                 and (backend_xmin is not null or state = 'idle in transaction')"""
        ).fetchone()
    assert held == (0,)


def test_a_restored_outbox_ends_the_tail(gateway: Gateway) -> None:
    reader = following(gateway)
    gateway.execute(
        """insert into public.event_outbox_cluster (system_identifier, restored_seq)
           select system_identifier, 0 from public.event_outbox_cluster"""
    )
    with pytest.raises(CursorPositionUnknown, match="restored"):
        list(reader.poll())


def test_an_auditor_may_follow(gateway: Gateway, database: str) -> None:
    with Gateway(database, role="iu_auditor") as auditor:
        reader = following(auditor, attempts=True)
        emit(gateway)
        worker.run_once(gateway, DEFAULT_WORKER, 10)
        letter = add_letter(gateway)
        gateway.fetch_value("select public.fn_iu_route_dead_letter_replay(%s)", (letter,))
        assert len(list(reader.poll())) == 4


def test_the_page_is_not_larger_than_the_functions_allow() -> None:
    assert event_tail.PAGE <= 10_000


def test_a_server_that_stops_within_a_poll_neither_repeats_nor_omits_a_row(
    own_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_server.ensure_running()
    monkeypatch.setattr(event_tail, "PAGE", 2)
    with Gateway(own_server.url()) as gateway:
        migration.apply(gateway)
        reader = Tail(gateway, Wanted(attempts=True))
        reader.start(0)
        made = [outbox.emit(gateway, "version_applied", "docs/a", uuid4(), "test", {}) for _ in range(7)]
        worker.run_once(gateway, worker.DEFAULT_WORKER, 100)
        seen: list[UUID] = []
        for stop_after in (3, 10):
            with pytest.raises(ConnectionFailed):
                for row in reader.poll():
                    seen.append(row.event_id)
                    if len(seen) == stop_after:
                        own_server.stop()
            own_server.ensure_running()
        seen += [row.event_id for row in reader.poll()]
    assert seen == made + made

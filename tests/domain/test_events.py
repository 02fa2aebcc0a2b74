"""Why an event was not delivered: the whole chain, and one sentence for each way it can end."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from databases import Server
from domain.samples import ROUTE, emit
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import dead_letters, events, gates, retention, routes, worker
from iu_pipelines.domain.events import Explanation
from iu_pipelines.domain.worker import DEFAULT_WORKER
from iu_pipelines.errors import ArgumentInvalid


def why(gateway: Gateway, event_id: UUID, *workers: str) -> Explanation:
    return events.why(gateway, event_id, workers or (DEFAULT_WORKER,))


def run(gateway: Gateway, worker_name: str = DEFAULT_WORKER, limit: int = 100) -> None:
    worker.run_once(gateway, worker_name, limit, "run-7")


def fail_one(gateway: Gateway) -> UUID:
    """Emit an event, let it fail on a live route, and return its id. The route is dry-run again."""
    event_id = emit(gateway)
    gateway.run_script(
        f"""
        alter table public.iu_outbound_route drop constraint dry_run_is_enforced;
        update public.iu_outbound_route set dry_run = false where route_code = '{ROUTE}';
        """
    )
    run(gateway)
    gateway.execute("update public.iu_outbound_route set dry_run = true where route_code = %s", (ROUTE,))
    return event_id


def test_a_dry_run_is_explained_with_the_event_its_type_and_its_attempt(gateway: Gateway) -> None:
    event_id = emit(gateway)
    run(gateway)
    found = why(gateway, event_id)
    assert found.answer == f"dry_run: route {ROUTE} is a dry run: nothing is sent"
    assert found.event
    assert (found.event.event_type, found.event.event_domain, found.event.actor_ref) == (
        "version_applied",
        "iu",
        "test",
    )
    assert found.event_type
    assert found.event_type.enabled
    assert [(one.route_code, one.enabled, one.dry_run) for one in found.routes] == [(ROUTE, True, True)]
    (answered,) = found.workers
    assert answered.reading.status == "attempted"
    (route,) = answered.routes
    assert route.attempt
    assert (route.attempt.decision, route.attempt.run_ref, route.attempt.batch_id) == ("dry_run", "run-7", 1)
    assert (route.route, route.dead_letter) == (found.routes[0], None)
    assert found.attempts == (route.attempt,)


def test_an_event_that_waits_is_explained_with_the_events_before_it(gateway: Gateway) -> None:
    ids = [emit(gateway) for _ in range(5)]
    assert why(gateway, ids[3]).answer == "not read yet: 3 events before it"
    run(gateway, limit=2)
    assert why(gateway, ids[3]).answer == "not read yet: 1 event before it"
    run(gateway)
    ids.append(emit(gateway))
    assert why(gateway, ids[5]).answer == "not read yet: it is next"
    never = why(gateway, ids[3], "never").answer
    assert never == "not read yet: 3 events before it; worker never has not run yet"


@pytest.mark.parametrize(
    ("closed", "words"),
    [
        ([gates.WORKER], "the worker gate is closed"),
        ([gates.MASTER], "the master gate is closed"),
        ([gates.MASTER, gates.WORKER], "the master gate and the worker gate are closed"),
    ],
)
def test_a_closed_gate_that_holds_the_event_is_named(gateway: Gateway, closed: list[str], words: str) -> None:
    run(gateway)
    emit(gateway)
    event_id = emit(gateway)
    for key in closed:
        gates.set_gate(gateway, key, "false", "test")
    found = why(gateway, event_id)
    assert found.answer.startswith(f"held: {words}: 1 event before it")
    assert len(found.workers[0].held_by) == len(closed)
    for key in closed:
        gates.set_gate(gateway, key, "true", "test")
    assert why(gateway, event_id).workers[0].held_by == ()


def test_a_type_without_an_enabled_route_is_named_before_and_after_the_event_is_read(
    gateway: Gateway,
) -> None:
    event_id = emit(gateway, event_type="sql_link_created")
    assert why(gateway, event_id).answer.endswith("; no enabled route for type sql_link_created")
    run(gateway)
    found = why(gateway, event_id)
    assert found.answer.startswith("skipped: no enabled route for type sql_link_created when it was read at ")
    assert found.workers[0].routes[0].route_code is None
    routes.add(gateway, routes.NewRoute("late.route", "sql_link_created", target_ref="x", enabled=True))
    assert why(gateway, event_id).answer.endswith("; enabled now: late.route")


def test_a_failed_event_is_explained_with_its_dead_letter_until_it_is_closed(gateway: Gateway) -> None:
    event_id = fail_one(gateway)
    found = why(gateway, event_id)
    (letter,) = found.dead_letters
    assert re.fullmatch(
        rf"failed: route {ROUTE}: .+; dead letter {letter.dead_letter_id} is open after 1 attempt, "
        r"next replay at 20\d\d-.+",
        found.answer,
    )
    gates.set_gate(gateway, gates.MASTER, "false", "test")
    assert why(gateway, event_id).answer.endswith("; the master gate is closed")
    dead_letters.discard(gateway, letter.dead_letter_id, "a duplicate")
    closed = why(gateway, event_id).answer
    assert f"dead letter {letter.dead_letter_id} was discarded by " in closed
    assert closed.endswith(": a duplicate")


def test_a_replayed_event_is_explained_by_its_newest_attempt(gateway: Gateway) -> None:
    event_id = fail_one(gateway)
    (letter,) = dead_letters.list_letters(gateway)
    dead_letters.replay(gateway, letter.dead_letter_id, "run-8")
    found = why(gateway, event_id)
    assert found.answer == (
        f"dry_run: route {ROUTE} is a dry run: nothing is sent, after dead letter {letter.dead_letter_id}"
    )
    assert [one.decision for one in found.attempts] == ["failed", "dry_run"]
    assert found.workers[0].routes[0].attempt == found.attempts[1]


def test_each_worker_has_its_own_answer(gateway: Gateway) -> None:
    event_id = emit(gateway)
    run(gateway, "first")
    gateway.execute(
        """insert into public.event_type_registry (event_type, event_domain, event_stream, delivery_lane)
           values ('crm.changed', 'crm', 'update', 'batch')"""
    )
    other = emit(gateway, event_type="crm.changed")
    found = why(gateway, event_id, "first", "second")
    assert found.answer == (
        f"first: dry_run: route {ROUTE} is a dry run: nothing is sent; "
        "second: not read yet: it is next; worker second has not run yet"
    )
    assert why(gateway, other, "first").answer.startswith(
        "not read: worker first reads domain iu, not crm; no worker reads domain crm: "
    )


def test_an_event_that_a_seek_skipped_is_explained_with_the_seek(gateway: Gateway) -> None:
    event_id = emit(gateway)
    worker.seek(gateway, DEFAULT_WORKER, "latest", "skip the past")
    found = why(gateway, event_id)
    assert re.fullmatch(
        rf"passed: \w+ moved worker {DEFAULT_WORKER} to latest at .+, past the event: skip the past",
        found.answer,
    )
    worker.seek(gateway, DEFAULT_WORKER, "beginning", "read it after all")
    assert found.workers[0].reading.status == "passed"
    assert why(gateway, event_id).workers[0].reading.status == "waiting"


def test_a_worker_whose_runs_are_refused_is_explained_with_the_reason(gateway: Gateway) -> None:
    run(gateway)
    gateway.execute("update public.iu_route_worker_cursor set anchor_no = 42")
    answer = why(gateway, emit(gateway)).answer
    assert answer.startswith(f"not read: runs of worker {DEFAULT_WORKER} are refused (IU501): ")
    assert "anchor 42" in answer


def test_an_event_that_was_read_and_has_no_attempt_is_reported_as_lost(gateway: Gateway) -> None:
    event_id = emit(gateway)
    run(gateway)
    gateway.run_script(
        """
        alter table public.iu_route_attempt_log disable trigger user;
        delete from public.iu_route_attempt_log;
        """
    )
    assert why(gateway, event_id).answer.startswith(f"lost: worker {DEFAULT_WORKER} has read the event, ")


def old_id() -> UUID:
    """Return a UUIDv7 of the year 2020."""
    milliseconds = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp() * 1000)
    return UUID(int=milliseconds << 80 | 0x7 << 76 | 0x2 << 62 | 5)


def test_an_unknown_event_is_an_answer_and_no_error(gateway: Gateway) -> None:
    for unknown in (uuid4(), old_id(), UUID(int=0)):
        found = why(gateway, unknown)
        assert found.answer.startswith(f"no such event: no event {unknown} is stored; its transaction may")
        assert (found.event, found.workers, found.routes) == (None, (), ())


def test_an_event_that_retention_may_have_deleted_is_not_called_unknown(gateway: Gateway) -> None:
    for _ in range(2):
        gateway.execute(
            """insert into public.event_outbox (event_id, emitted_xid, created_at, event_domain, event_type)
               values (%s, '3', now() - interval '30 days', 'iu', 'version_applied')""",
            (old_id() if _ == 0 else uuid4(),),
        )
    worker.seek(gateway, DEFAULT_WORKER, "beginning", "a test")
    run(gateway)
    gates.set_gate(gateway, retention.SETTING, "7", "a test")
    retention.run(gateway, "a test")
    found = why(gateway, old_id())
    assert found.answer.startswith("not stored: retention deleted the events of its time (domain iu up to ")
    assert len(found.retention) == 1
    assert why(gateway, uuid4()).answer.startswith("no such event")


def test_an_auditor_may_ask(server: Server, database: str, gateway: Gateway) -> None:
    event_id = emit(gateway)
    with Gateway(database, role="iu_auditor") as auditor:
        assert why(auditor, event_id).answer.startswith("not read yet: it is next")
        run(gateway)
        assert why(auditor, event_id).answer.startswith("dry_run: ")
        assert why(auditor, uuid4()).answer.startswith("no such event")


def test_a_malformed_worker_name_is_refused(gateway: Gateway) -> None:
    with pytest.raises(ArgumentInvalid, match="no good"):
        why(gateway, emit(gateway), "no good")


def test_a_domain_without_a_reader_is_named_with_what_to_run(gateway: Gateway) -> None:
    gateway.execute("update public.event_type_registry set event_domain = 'shop'")
    event_id = emit(gateway)
    end = "; no worker reads domain shop: iu worker add NAME --domain shop --reason WHY"
    start = f"not read: worker {DEFAULT_WORKER} reads domain iu, not shop"
    assert why(gateway, event_id).answer == start + end
    worker.add(gateway, "shop_worker", "shop", "test")
    assert why(gateway, event_id).answer == start
    assert "shop_worker has not run yet" in why(gateway, event_id, "shop_worker").answer


def test_an_event_that_a_retired_worker_did_not_read_is_explained(gateway: Gateway) -> None:
    worker.add(gateway, "second", "iu", "test")
    worker.retire(gateway, "second", "test")
    answer = why(gateway, emit(gateway), "second").answer
    assert answer.startswith("not read: worker second was retired at ")
    assert "no worker reads" not in answer

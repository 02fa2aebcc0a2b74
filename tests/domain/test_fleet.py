"""Fleets: their file, the question to many databases at the same time, and the report."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from delivery.world import make_login, url_of
from hanging import freezer, locked, silent, unconnectable
from iu_pipelines.db.gateway import BoundedGateway, Gateway
from iu_pipelines.domain import gates, outbox, worker
from iu_pipelines.domain.fleet import members, report
from iu_pipelines.domain.fleet.asking import Asked, Asker
from iu_pipelines.domain.worker import DEFAULT_WORKER
from iu_pipelines.errors import IuError, UsageError
from waiting import eventually

NAMES = ("first", "second", "third")


@dataclass(frozen=True)
class At:
    """A database at a URL."""

    name: str
    where: str

    def url(self) -> str:
        return self.where


def database_of(gateway: BoundedGateway, _place: At) -> str:
    return str(gateway.fetch_value("select current_database()"))


def name_of(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[2]


@pytest.fixture
def places(new_database: Callable[[str], str], template: str) -> list[At]:
    return [At(name, new_database(template)) for name in NAMES]


@pytest.fixture
def asker() -> Asker:
    return Asker(seconds=60, at_once=8)


def alive(name: str) -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name == f"iu-fleet {name}"]


def test_each_database_is_asked_once_and_answers_in_the_order_of_the_fleet(
    asker: Asker, places: list[At]
) -> None:
    answers = asker.ask(places, database_of)
    assert [one.place.name for one in answers] == list(NAMES)
    assert [one.answer for one in answers] == [name_of(place.where) for place in places]


def delays_nobody(asker: Asker, places: list[At]) -> bool:
    """Return whether all others answer while the first database is silent; it is silent until they have."""
    answered, all_others = set[str](), threading.Event()

    def look(gateway: BoundedGateway, place: At) -> str:
        answer = database_of(gateway, place)
        answered.add(place.name)
        if len(answered) == len(places):
            all_others.set()
        return answer

    with silent(all_others) as url:
        found = asker.ask([At("silent", url), *places], look)
    assert found[0].error is not None
    return "no answer within" not in found[0].error.message


def test_a_database_that_accepts_and_never_answers_delays_no_other(asker: Asker, places: list[At]) -> None:
    assert delays_nobody(asker, places)


def test_the_same_test_finds_databases_that_are_asked_one_after_the_other(places: list[At]) -> None:
    assert not delays_nobody(Asker(seconds=2, at_once=1), places)


def test_the_failed_are_asked_last_so_that_an_outage_of_many_delays_others_only_once(
    places: list[At],
) -> None:
    asker = Asker(seconds=2, at_once=1)
    order: list[str] = []

    def look(gateway: BoundedGateway, place: At) -> str:
        order.append(place.name)
        return database_of(gateway, place)

    with silent(threading.Event()) as url:
        fleet = [At("silent", url), *places]
        asker.ask(fleet, look)
        order.clear()
        recovered = [replace(fleet[0], where=places[0].where), *places]
        asker.ask(recovered, look)
        assert order == [*NAMES, "silent"]
        order.clear()
        asker.ask(recovered, look)
    assert order == ["silent", *NAMES], "it answered, so it is asked in its turn"


def test_what_is_not_asked_in_the_time_of_a_look_is_said_and_asked_by_the_next(places: list[At]) -> None:
    asker = Asker(seconds=2, at_once=1)
    with silent(threading.Event()) as url:
        found = asker.ask([At("silent", url), *places], database_of, limit_seconds=1)
    assert [one.error.message for one in found[1:] if one.error] == [
        "not asked: other databases used up the time of this look"
    ] * len(places)
    assert all(one.answer for one in asker.ask(places, database_of))


@pytest.mark.parametrize("kind", ["silent", "unconnectable", "locked"])
def test_a_database_that_does_not_answer_is_reported_by_name_and_asked_again(
    kind: str, places: list[At]
) -> None:
    asker, hung = Asker(seconds=3, at_once=8), places[0]

    def look(gateway: BoundedGateway, _place: At) -> int:
        return int(gateway.fetch_value("select count(*) from public.dot_config"))

    with (
        silent(threading.Event()) as quiet,
        unconnectable() as dropped,
        locked(hung.where, "public.dot_config"),
    ):
        url = {"silent": quiet, "unconnectable": dropped, "locked": hung.where}[kind]
        found = asker.ask([At("hung", url), *places[1:]], look)
    assert found[0].error is not None
    assert found[0].answer is None
    assert "secret" not in f"{found[0].error.message} {found[0].error.hint}"
    assert all(one.answer for one in found[1:])
    eventually(lambda: not alive("hung"), "its thread has ended")
    assert all(one.answer for one in asker.ask([At("hung", hung.where)], look))


def test_the_lock_that_a_question_waits_for_is_named(places: list[At]) -> None:
    with locked(places[0].where, "public.dot_config"):
        (found,) = Asker(seconds=5, at_once=1).ask(
            places[:1], lambda gateway, _: gateway.fetch_value("select count(*) from public.dot_config")
        )
    assert found.error is not None
    assert "table dot_config is locked by process" in found.error.message


def frozen(asker: Asker, url: str) -> Asked[At, str]:
    """Ask a database whose connection freezes between two statements."""
    with freezer(url) as proxy:

        def look(gateway: BoundedGateway, place: At) -> str:
            database_of(gateway, place)
            proxy.frozen.set()
            return database_of(gateway, place)

        (found,) = asker.ask([At("frozen", proxy.url)], look)
        try:
            eventually(lambda: not alive("frozen"), "its thread has ended")
        finally:
            proxy.frozen.clear()
    return found


def test_a_connection_that_freezes_is_shut_down_and_its_thread_ends(places: list[At]) -> None:
    found = frozen(Asker(seconds=2, at_once=1), places[0].where)
    assert found.error is not None
    assert found.error.message == "no answer within 2 s"


def test_the_same_test_finds_connections_that_are_not_shut_down(
    places: list[At], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BoundedGateway, "abort", lambda _self: None)
    monkeypatch.setattr("waiting.PATIENCE", 3.0)
    with pytest.raises(AssertionError, match="its thread has ended"):
        frozen(Asker(seconds=1, at_once=1), places[0].where)
    monkeypatch.undo()
    eventually(lambda: not alive("frozen"))


def test_a_question_that_is_aborted_while_it_connects_sends_no_statement(
    places: list[At], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody aborts a second time, so that a statement to a server that is silent would wait for ever."""
    connect, said = psycopg.connect, list[str]()
    with freezer(places[0].where) as proxy, BoundedGateway(proxy.url, seconds=60) as gateway:

        def connected(*given: Any, **named: Any) -> Any:
            connection = connect(*given, **named)
            gateway.abort()
            proxy.frozen.set()
            return connection

        def ask() -> None:
            try:
                gateway.server_version()
            except IuError as error:
                said.append(error.message)

        monkeypatch.setattr(psycopg, "connect", connected)
        thread = threading.Thread(target=ask)
        thread.start()
        try:
            eventually(lambda: said, "the question has ended")
        finally:
            proxy.frozen.clear()
            thread.join()
    assert said[0].endswith("was aborted")


def test_a_thread_that_cannot_be_ended_is_the_only_one_of_its_database(places: list[At]) -> None:
    asker, ended = Asker(seconds=0.5, at_once=8), threading.Event()

    def look(gateway: BoundedGateway, place: At) -> str:
        if place.name == "first":
            ended.wait()
        return database_of(gateway, place)

    said = []
    for _ in range(4):
        first = asker.ask(places, look)[0]
        assert first.error
        said.append(first.error.message)
        assert len(alive("first")) == 1
    assert said[0] == "no answer within 0.5 s"
    assert all("not asked: a question has been waiting for" in one for one in said[1:])
    ended.set()
    eventually(lambda: not alive("first"))
    assert eventually(lambda: asker.ask(places, look)[0].answer) == name_of(places[0].where)


def test_an_unexpected_error_of_one_look_is_its_answer(asker: Asker, places: list[At]) -> None:
    def look(gateway: BoundedGateway, place: At) -> str:
        if place.name == "second":
            raise RuntimeError("odd")
        return database_of(gateway, place)

    first, second, third = asker.ask(places, look)
    assert second.error is not None
    assert second.error.message == "unexpected RuntimeError", "its text may contain a password"
    assert first.answer
    assert third.answer


def test_the_server_ends_a_statement_in_time_whatever_the_url_says(places: list[At]) -> None:
    url = f"{places[0].where}&options=-c%20statement_timeout%3D0&connect_timeout=900"
    with BoundedGateway(url, seconds=2) as gateway:
        assert gateway.fetch_value("show statement_timeout") == "2s"
        assert gateway.fetch_value("show lock_timeout") == "1s"
        assert gateway.fetch_value("show default_transaction_isolation") == "read committed"
        with gateway.transaction() as session:
            session.execute("create temporary table t (n int)")
        assert gateway.fetch_value("select count(*) from t") == 0


# --- the file ------------------------------------------------------------------------------------------


def test_a_member_has_the_defaults_its_own_fields_and_a_variable_of_its_own() -> None:
    fleet = members.parse(
        {
            "defaults": {
                "database_url_variable": "P_{NAME}_{name}",
                "workers": ["w"],
                "owners": ["team:a"],
            },
            "outboxes": ["orders", {"name": "billing", "workers": ["b"], "database_url_variable": "BILL"}],
        }
    )
    orders, billing = fleet.members()
    assert (orders.name, orders.database_url_variable) == ("orders", "P_ORDERS_orders")
    assert orders.fields == {"workers": ["w"], "owners": ["team:a"]}
    assert billing.database_url_variable == "BILL"
    assert billing.fields == {"workers": ["b"], "owners": ["team:a"]}
    assert members.parse({"outboxes": ["a"]}).members()[0].database_url_variable == "A_DATABASE_URL"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "outboxes"),
        ({"outboxes": []}, "outboxes"),
        ({"outboxes": ["No-Name"]}, "No-Name"),
        ({"outboxes": [{"workers": ["w"]}]}, "an outbox has no name"),
        ({"outboxes": ["a", "a"]}, "two outboxes have the name 'a'"),
        ({"outboxes": ["a", "fleet"]}, "an outbox has the name of the fleet, 'fleet'"),
        ({"outboxes": ["a"], "default": {}}, "fleet.yaml: the key 'default' is not known"),
        ({"outboxs": ["a"]}, "fleet.yaml: the key 'outboxs' is not known"),
        ({"outboxes": [{"name": "a", "targts": ["x"]}]}, "outbox a: the key 'targts' is not known"),
        ({"outboxes": [{"name": "a", "workers": "w1"}]}, "outbox a: workers = 'w1' is not a list"),
        (
            {"outboxes": ["a"], "defaults": {"database_url": "X"}},
            "defaults: the key 'database_url' is not known",
        ),
        ({"outboxes": ["a"], "defaults": {"owners": "team:a"}}, "defaults: owners = 'team:a' is not a list"),
        ({"outboxes": ["a"], "defaults": {"name": "b"}}, "defaults.name is refused"),
        ({"outboxes": ["a"], "seconds": 0}, "seconds = 0"),
        ({"outboxes": ["a"], "at_once": 0}, "at_once = 0"),
        (
            {"outboxes": ["a", "b"], "defaults": {"database_url_variable": "SAME"}},
            "outboxes a, b have the same",
        ),
        (["a"], "it = ['a']"),
    ],
)
def test_a_file_that_is_not_one_of_a_fleet_is_refused(values: Any, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        members.parse(values, "fleet.yaml")
    assert said in refused.value.message
    assert refused.value.hint


def test_an_unknown_key_is_refused_with_the_known_ones() -> None:
    for values, said in (
        ({"outboxs": ["a"]}, "Did you mean outboxes?"),
        ({"outboxes": ["a"], "xyz": 1}, "The keys are: name, seconds, at_once, fleet_cron"),
        ({"outboxes": [{"name": "a", "xyz": 1}]}, "The keys are: name, database_url_variable, workers"),
    ):
        with pytest.raises(UsageError) as refused:
            members.parse(values)
        assert said in str(refused.value.hint)


def test_a_url_in_the_file_by_mistake_is_not_shown() -> None:
    url = "postgresql://a:hidden-word@b/c"
    for values in (
        {"outboxes": [url]},
        {"outboxes": [{"workers": url}]},
        {"outboxes": ["a", "b"], "defaults": {"database_url_variable": url}},
        {"outboxes": ["a"], "name": url},
        {"outboxes": ["a"], "defaults": {"database_url_variable": url}},
        {"outboxes": [{"name": "a", "sender_database_url_variable": url}]},
        {"outboxes": [{"name": "a", "database_url": url}]},
        {"outboxes": ["a"], "defaults": {"workers": url}},
        {"outboxes": ["a"], url: 1},
    ):
        with pytest.raises(UsageError) as refused:
            members.parse(values)
        assert "hidden-word" not in f"{refused.value.message} {refused.value.hint}"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        members.read(tmp_path / "none.yaml")
    (tmp_path / "bad.yaml").write_text("outboxes: [a", encoding="utf-8")
    with pytest.raises(UsageError, match=r"bad\.yaml is not YAML"):
        members.read(tmp_path / "bad.yaml")
    (tmp_path / "bad.yaml").write_text(
        "outboxes:\n- name: a: postgresql://u:hidden-word@h/x", encoding="utf-8"
    )
    with pytest.raises(UsageError, match=r"bad\.yaml is not YAML: line 2, column 10: ") as refused:
        members.read(tmp_path / "bad.yaml")
    assert "hidden-word" not in f"{refused.value.message} {refused.value.hint}"
    (tmp_path / "good.yaml").write_text("outboxes: [a, b]", encoding="utf-8")
    assert [one.name for one in members.read(tmp_path / "good.yaml").members()] == ["a", "b"]


# --- the report ----------------------------------------------------------------------------------------


@pytest.fixture
def fleet(places: list[At], monkeypatch: pytest.MonkeyPatch) -> members.FleetFile:
    """Return a fleet whose variables have the URLs of an auditor."""
    login = f"iu_test_auditor_{os.getpid()}"
    with Gateway(places[0].where) as owner:
        make_login(owner, login, "iu_auditor")
    for place in places:
        monkeypatch.setenv(f"{place.name.upper()}_DATABASE_URL", url_of(place.where, login))
    return members.parse({"outboxes": list(NAMES)})


def emit(url: str, count: int) -> None:
    with Gateway(url) as gateway:
        outbox.emit_many(
            gateway,
            [outbox.NewEvent("version_applied", f"t/{n}", uuid4(), "test", {}) for n in range(count)],
        )


def test_an_auditor_reads_the_state_of_every_outbox(
    asker: Asker, fleet: members.FleetFile, places: list[At]
) -> None:
    emit(places[1].where, 3)
    with Gateway(places[2].where) as third:
        gates.set_gate(third, gates.WORKER, "false", "a test")
        gates.set_gate(third, gates.LIVE_ROUTES, "iu.version_applied.workflow", "a test")
    found = report.collect(asker, fleet.members())
    assert [one.outbox for one in found.outboxes] == list(NAMES)
    assert found.is_well
    assert [state.backlog for state in found.states] == [0, 3, 0]
    assert found.backlog == 3
    assert 0 < found.oldest_seconds < 3_600
    assert [state.closed_gates for state in found.states] == [(), (), (gates.WORKER,)]
    assert [state.live_routes for state in found.states] == [(), (), ("iu.version_applied.workflow",)]
    assert [state.workers for state in found.states] == [1, 1, 1]


def test_an_outbox_that_cannot_be_asked_is_in_its_row_and_the_others_are_complete(
    asker: Asker,
    fleet: members.FleetFile,
    new_database: Callable[[str], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("FIRST_DATABASE_URL")
    monkeypatch.setenv("SECOND_DATABASE_URL", new_database("template1"))
    found = report.collect(asker, fleet.members())
    assert found.unreachable == ["first", "second"]
    assert not found.is_well
    unset, empty, third = found.outboxes
    assert unset.error
    assert unset.error.message == "FIRST_DATABASE_URL is not set"
    assert empty.error
    assert empty.error.hint == "The schema is not installed, or not completely. Run: iu migrate"
    assert third.is_well


def test_a_worker_that_stalls_makes_its_outbox_unhealthy(
    asker: Asker, fleet: members.FleetFile, places: list[At]
) -> None:
    emit(places[0].where, 1)
    with Gateway(places[0].where) as gateway:
        worker.run_once(gateway, DEFAULT_WORKER, 10)
        outbox.emit(gateway, "version_applied", "t/late", uuid4(), "test", {})
        gateway.run_script(
            """
            set session_replication_role = replica;
            update public.event_outbox set created_at = created_at - interval '1 day';
            update public.dot_config set updated_at = updated_at - interval '1 day';
            update public.iu_route_worker_cursor
            set last_progress_at = last_progress_at - interval '1 day',
                last_run_at = last_run_at - interval '1 day', added_at = added_at - interval '1 day';
            """
        )
    found = report.collect(asker, fleet.members())
    assert found.unhealthy == ["first"]
    assert found.unreachable == []
    assert found.states[0].faults[0].startswith(f"{DEFAULT_WORKER}: ")


def test_a_live_route_that_nobody_promoted_is_held(
    asker: Asker,
    new_database: Callable[[str], str],
    delivery_template: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = new_database(delivery_template)
    monkeypatch.setenv("SHOP_DATABASE_URL", url)
    with Gateway(url) as gateway:
        gates.set_gate(gateway, gates.LIVE_ROUTES, "iu.version_applied.workflow", "a test")
    (row,) = report.collect(asker, members.parse({"outboxes": ["shop"]}).members()).outboxes
    assert row.state
    assert row.state.held_routes == (("iu.version_applied.workflow", "never promoted"),)
    assert row.state.closed_gates == (gates.DELIVERY,)


def test_letters_are_counted_up_to_a_limit(
    asker: Asker, fleet: members.FleetFile, places: list[At], monkeypatch: pytest.MonkeyPatch
) -> None:
    emit(places[0].where, 3)
    with Gateway(places[0].where) as gateway:
        gateway.run_script(
            "alter table public.iu_outbound_route drop constraint dry_run_is_enforced;"
            "update public.iu_outbound_route set dry_run = false"
        )
        worker.run_once(gateway, DEFAULT_WORKER, 10)
    assert report.collect(asker, fleet.members()).states[0].dead_letters == 3
    monkeypatch.setattr(report, "COUNTED_LETTERS", 2)
    state = report.collect(asker, fleet.members()).states[0]
    assert (state.dead_letters, state.dead_letters_capped) == (2, True)

"""`iu why`, `iu event list` and `iu event show`."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest

from cli.emitting import emit
from cli.running import Iu, in_terminal, refused
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import gates, outbox, routes, worker
from iu_pipelines.domain.worker import DEFAULT_WORKER

ROUTE = "iu.version_applied.workflow"


def test_why_leads_from_the_event_to_its_route_batch_and_run(iu: Iu) -> None:
    event_id = emit(iu)
    iu("run", "--run-ref", "run-7")
    done = iu("why", event_id)
    assert done.code == 0
    first, *_ = done.out.splitlines()
    assert first == f"{DEFAULT_WORKER}: dry_run: route {ROUTE} is a dry run: nothing is sent"
    for words in ("emitted by a caller as actor", "type version_applied, enabled since", "run-7"):
        assert words in done.out
    found = iu("why", event_id, "--json").json
    assert found["origin"]["kind"] == "caller"
    assert [(one["batch_id"], one["run_ref"]) for one in found["batches"]] == [(1, "run-7")]
    assert [(one["route_code"], one["matched"]) for one in found["rules"]] == [(ROUTE, True)]
    assert found["attempts"][0]["decision"] == "dry_run"


def test_why_asks_every_worker_in_use_and_retired_ones_that_tried_it(iu: Iu, database: str) -> None:
    event_id = emit(iu)
    with Gateway(database) as gateway:
        worker.run_once(gateway, "tried", 10)
        worker.retire(gateway, "tried", "test")
        worker.run_once(gateway, DEFAULT_WORKER, 10)
        worker.add(gateway, "idle", "iu", "test")
        worker.add(gateway, "never", "shop", "test")
        worker.retire(gateway, "never", "test")
    lines = iu("why", event_id).out.splitlines()
    assert [line.partition(":")[0] for line in lines[:3]] == ["idle", DEFAULT_WORKER, "tried"]
    only = iu("why", event_id, "--worker", "idle", "--json").json
    assert [one["reading"]["worker_name"] for one in only["workers"]] == ["idle"]
    refused(iu("why", event_id, "--worker", "no.such"), 1, "no such worker: 'no.such'", "tried")


def test_why_says_since_when_and_why_a_gate_is_closed(iu: Iu, database: str) -> None:
    event_id = emit(iu)
    with Gateway(database) as gateway:
        gates.set_gate(gateway, gates.WORKER, "false", "maintenance of the target")
    done = iu("why", event_id)
    assert "held: the worker gate is closed; it is next\n" in done.out
    assert "maintenance of the target" in done.out
    assert gates.DELIVERY not in done.out
    changes = iu("why", event_id, "--json").json["gate_changes"]
    assert [(one["key"], one["reason"]) for one in changes] == [(gates.WORKER, "maintenance of the target")]


def test_why_shows_no_gate_of_an_event_that_was_attempted(iu: Iu) -> None:
    event_id = emit(iu)
    iu("run")
    assert "Closed gates" not in iu("why", event_id).out


def test_why_of_one_worker_shows_only_what_that_worker_did(iu: Iu) -> None:
    event_id = emit(iu)
    iu("run")
    iu("run", "--worker", "second", "--create")
    only = iu("why", event_id, "--worker", "second", "--json").json
    for name in ("attempts", "batches"):
        assert [one["worker_name"] for one in only[name]] == ["second"]
    assert DEFAULT_WORKER not in iu("why", event_id, "--worker", "second").out
    assert len(iu("why", event_id, "--json").json["attempts"]) == 2


def test_why_prints_every_time_in_one_form(iu: Iu) -> None:
    event_id = emit(iu)
    held = iu("why", event_id).out
    assert re.search(r"enabled since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d by ", held)
    assert "+00:00" not in held


def test_ids_fit_a_narrow_terminal(iu: Iu, database: str) -> None:
    event_id = emit(iu)
    shown = in_terminal(60, "event", "show", event_id, "--database-url", database)
    assert "…" not in shown
    assert event_id in shown.replace("\r\n", "\n")


def test_why_says_why_a_route_did_not_match_when_the_event_was_read(iu: Iu, database: str) -> None:
    with Gateway(database) as gateway:
        routes.set_enabled(gateway, ROUTE, False)
        routes.add(gateway, routes.NewRoute("moved.away", "version_applied", enabled=True))
    event_id = emit(iu)
    iu("run")
    with Gateway(database) as gateway:
        routes.set_enabled(gateway, ROUTE, True)
        routes.add(gateway, routes.NewRoute("too.late", "version_applied", enabled=True))
        routes.change(gateway, routes.NewRoute("moved.away", "sql_link_created", enabled=True))
    rules = {one["route_code"]: one for one in iu("why", event_id, "--json").json["rules"]}
    assert rules[ROUTE]["rule"].startswith("disabled since ")
    assert (rules[ROUTE]["matched"], rules["moved.away"]["matched"]) == (False, True)
    assert rules["too.late"]["rule"] == "it did not exist yet"
    unread = emit(iu)
    rules = {one["route_code"]: one for one in iu("why", unread, "--json").json["rules"]}
    assert {code: one["matched"] for code, one in rules.items()} == {ROUTE: True, "too.late": True}


def test_why_finds_the_capture_and_the_version_that_emitted(iu: Iu, database: str) -> None:
    unit = uuid4()
    with Gateway(database) as gateway:
        gateway.execute("update public.iu_inbound_route set enabled = true, dry_run = false")
        for number in range(30):
            gateway.execute(
                "insert into public.iu_sql_link (sql_object_ref) values (%s)", (f"public.t{number}",)
            )
        gateway.execute("insert into public.information_unit values (%s, 'docs/u')", (unit,))
        gateway.execute(
            "insert into public.unit_version (unit_id, version_seq, version_ref) values (%s, 1, 'a')", (unit,)
        )
        gateway.execute(
            "insert into public.unit_version (unit_id, version_seq, version_ref) values (%s, 2, 'b')", (unit,)
        )
        captured = gateway.fetch_all("select event_id, source_ref from public.iu_inbound_capture")
        version = gateway.fetch_value(
            "select event_id from public.event_outbox where event_type = 'version_applied'"
        )
    for row in (captured[0], captured[15], captured[-1]):
        origin = iu("why", str(row["event_id"]), "--json").json["origin"]
        assert (origin["kind"], origin["capture"]["source_ref"]) == ("capture", str(row["source_ref"]))
        assert origin["answer"].startswith("capture iu_sql.iu_sql_link.insert: insert of iu_sql_link, row ")
    origin = iu("why", str(version), "--json").json["origin"]
    assert origin["answer"] == f"version 2 (b) of unit {unit}"


def test_why_fails_with_an_answer_if_the_event_is_not_stored(iu: Iu) -> None:
    unknown = uuid4()
    done = iu("why", str(unknown))
    assert (done.code, done.out) == (
        1,
        f"no such event: no event {unknown} is stored; its transaction may have rolled back or still be open "
        "(iu doctor shows open transactions)\n",
    )
    asked = iu("why", str(unknown), "--json")
    assert (asked.code, asked.json["event"]) == (1, None)


@pytest.mark.parametrize("words", [("why",), ("event", "show")])
def test_an_id_that_is_no_uuid_is_refused_with_its_value(iu: Iu, words: tuple[str, ...]) -> None:
    done = iu(*words, "worker:event:route")
    assert done.code == 2
    assert "'worker:event:route' is not a UUID" in done.err


def test_event_list_shows_the_newest_first_and_has_pages(iu: Iu) -> None:
    made = [emit(iu) for _ in range(5)]
    page = iu("event", "list", "--limit", "2", "--json").json
    assert [one["event_id"] for one in page["events"]] == [made[4], made[3]]
    more = iu("event", "list", "--limit", "3", "--before", str(page["next_before"]), "--json").json
    assert [one["event_id"] for one in more["events"]] == [made[2], made[1], made[0]]
    shown = iu("event", "list")
    assert made[0] in shown.out
    assert "searched" not in shown.out


def test_event_list_filters_by_type_domain_subject_and_time(iu: Iu, database: str) -> None:
    made = [emit(iu) for _ in range(3)]
    with Gateway(database) as gateway:
        subject = gateway.fetch_value(
            "select event_subject_ref from public.event_outbox where event_id = %s", (made[1],)
        )
        moment = gateway.fetch_value(
            "select created_at from public.event_outbox where event_id = %s", (made[1],)
        )

    def found(*words: str) -> list[str]:
        return [one["event_id"] for one in iu("event", "list", *words, "--json").json["events"]]

    assert found("--type", "version_applied") == made[::-1]
    assert found("--type", "sql_link_created") == []
    refused(iu("event", "list", "--domain", "shop"), 1, "no such domain: 'shop'", "Existing domains: iu.")
    refused(iu("event", "list", "--type", "nope"), 1, "no such event type: 'nope'", "types: ")
    assert set(found("--subject", str(subject))) >= {made[1]}
    assert found("--since", moment.isoformat()) == [made[2], made[1]]
    assert found("--since", "1h") == made[::-1]
    refused(iu("event", "list", "--since", "7x"), 2, "'7x' is neither an age nor a time", "12h")


def test_event_list_finds_a_row_by_its_address_or_its_table_and_key(iu: Iu) -> None:
    emit(iu)
    row = ("--subject-table", "shop.orders", "--subject-key", "5")
    made = iu("emit", "version_applied", "orders/5", "--actor", "shop", *row).out.strip()

    def found(*words: str) -> list[str]:
        return [one["event_id"] for one in iu("event", "list", *words, "--json").json["events"]]

    assert found("--address", "orders/5") == [made]
    assert found(*row) == [made]
    assert found("--subject-table", "shop.orders", "--subject-key", "6") == []
    for words in (row[:2], row[2:], (*row, "--subject", str(uuid4()))):
        refused(iu("event", "list", *words), 2, "give --subject, or --subject-table and --subject-key")


@pytest.mark.parametrize("number", ["9" * 22, "-1"])
def test_a_number_of_no_event_is_refused(iu: Iu, number: str) -> None:
    said = f"--before {number} is not in the range 0 to 9223372036854775807"
    refused(iu("event", "list", "--before", number), 2, said)


def test_event_list_says_how_far_it_searched(iu: Iu, database: str) -> None:
    with Gateway(database) as gateway:
        first = str(outbox.emit(gateway, "sql_link_created", "docs/a", uuid4(), "test", {}))
        gateway.execute(
            """insert into public.event_outbox (event_domain, event_type)
               select 'iu', 'version_applied' from generate_series(1, 10000)"""
        )
    done = iu("event", "list", "--type", "sql_link_created")
    assert "Newest events (of the 10,000 that were searched): none" in done.out
    before = iu("event", "list", "--type", "sql_link_created", "--json").json["next_before"]
    assert f"--before {before}" in done.out
    found = iu("event", "list", "--type", "sql_link_created", "--before", str(before), "--json").json
    assert ([one["event_id"] for one in found["events"]], found["next_before"]) == ([first], None)


def test_event_show_has_every_field_the_payload_and_where_to_go_on(iu: Iu) -> None:
    event_id = emit(iu)
    assert "No attempt yet." in iu("event", "show", event_id).out
    iu("run")
    done = iu("event", "show", event_id)
    for words in ("emitted_xid", "safe_payload", "dry_run", f"iu why {event_id}"):
        assert words in done.out
    shown = iu("event", "show", event_id, "--json").json
    assert (shown["event"]["event_id"], len(shown["attempts"])) == (event_id, 1)
    missing = iu("event", "show", str(uuid4()))
    assert missing.code == 1
    assert missing.out.startswith("no such event")

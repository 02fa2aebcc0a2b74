"""`iu type` and `iu types`."""

from __future__ import annotations

from uuid import uuid4

import pytest

from cli.running import Iu, refused
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import configuration, outbox

TYPE = ("type", "add", "order_paid", "--payload-key", "total_cents", "--payload-key", "item_count")


def test_a_type_is_added_with_its_reason_shown_and_listed(iu: Iu, gateway: Gateway) -> None:
    done = iu(*TYPE, "--subject-table", "shop.orders", "--reason", "the shop sells")
    assert (done.code, done.out, done.err) == (0, "order_paid: enabled\n", "")
    shown = iu("type", "show", "order_paid", "--json").json
    assert shown["payload_keys"] == ["total_cents", "item_count"]
    assert (shown["event_domain"], shown["event_stream"], shown["delivery_lane"]) == (
        "iu",
        "update",
        "immediate",
    )
    assert (shown["routes"], shown["captures"], shown["waiting"]) == ([], [], 0)
    assert [change["reason"] for change in shown["history"]] == ["the shop sells"]
    text = iu("type", "show", "order_paid").out
    assert "the shop sells" in text
    assert "total_cents, item_count" in text
    for words in (("types",), ("type", "list")):
        assert "order_paid" in iu(*words).out
        assert len(iu(*words, "--json").json) == 4
    (change,) = configuration.history(gateway, configuration.EVENT_TYPE, "order_paid")
    assert change.old_value is None


def test_a_type_allows_the_keys_that_were_asked_for(iu: Iu) -> None:
    assert iu("type", "add", "a.any", "--any-payload-key", "--json").json["payload_keys"] is None
    assert iu("type", "add", "a.none", "--no-payload-key", "--json").json["payload_keys"] == []
    emit = ("emit", "a.none", "a", "--subject", str(uuid4()), "--actor", "t")
    assert iu(*emit).code == 0
    refused(iu(*emit, "--payload", '{"n": 1}'), 1, "payload key 'n'")


@pytest.mark.parametrize(
    "words", [(), ("--any-payload-key", "--payload-key", "a"), ("--any-payload-key", "--no-payload-key")]
)
def test_the_payload_keys_must_be_written_out(no_iu: Iu, words: tuple[str, ...]) -> None:
    refused(no_iu("type", "add", "order_paid", *words), 2, "--payload-key", "--any-payload-key")


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("Order", "--no-payload-key"), ["argument event_type is malformed: 'Order'", "order_paid"]),
        (("a'; drop table x; --", "--no-payload-key"), ["argument event_type is malformed"]),
        (("a", "--payload-key", "na me"), ["argument payload_keys contains a malformed name: 'na me'"]),
        (("a", "--payload-key", ""), ["argument payload_keys contains an empty name"]),
        (("a", "--no-payload-key", "--domain", "My Shop"), ["argument event_domain is malformed: 'My Shop'"]),
        (("a", "--no-payload-key", "--lane", ""), ["argument delivery_lane is empty"]),
        (("a", "--no-payload-key", "--stream", "A"), ["argument event_stream is malformed: 'A'"]),
        (("version_applied", "--no-payload-key"), ["registered already", "iu type show version_applied"]),
    ],
)
def test_a_malformed_type_is_refused_with_what_to_write(
    kept_iu: Iu, words: tuple[str, ...], named: list[str]
) -> None:
    refused(kept_iu("type", "add", *words), 1, *named)


def test_an_unknown_type_is_refused(kept_iu: Iu) -> None:
    refused(kept_iu("type", "show", "nope"), 1, "no such event type: 'nope'", "iu type list")
    refused(kept_iu("type", "enable", "nope"), 1, "no such event type: 'nope'")
    refused(kept_iu("type", "disable", "nope", "--reason", "t"), 1, "no such event type: 'nope'")


def test_a_type_whose_domain_no_worker_reads_is_a_warning(iu: Iu) -> None:
    done = iu(*TYPE, "--domain", "shop")
    assert (done.code, done.out) == (0, "order_paid: enabled\n")
    assert "warning: no worker reads the domain 'shop'" in done.err
    assert "iu worker add NAME --domain shop" in done.err
    (warning,) = iu("type", "show", "order_paid", "--json").json["warnings"]
    assert "'shop'" in warning


def test_disabling_a_type_warns_of_captures_routes_and_waiting_events(iu: Iu, gateway: Gateway) -> None:
    gateway.execute(
        "update public.iu_inbound_route set enabled = true, dry_run = false,"
        " target_event_type = 'version_applied'"
    )
    outbox.emit(gateway, "version_applied", "docs/a", uuid4(), "test", {})
    done = iu("type", "disable", "version_applied", "--reason", "a pause")
    assert (done.code, done.out) == (0, "version_applied: disabled\n")
    assert "fail with IU101: iu_sql.iu_sql_link.insert" in done.err
    assert "these routes get no more events: iu.version_applied.workflow" in done.err
    assert "waiting, and attempted as before: 1 event" in done.err
    shown = iu("type", "show", "version_applied", "--json").json
    assert (shown["enabled"], shown["history"][0]["reason"]) == (False, "a pause")
    assert shown["refusing_captures"] == ["iu_sql.iu_sql_link.insert"]
    done = iu("type", "enable", "version_applied")
    assert (done.code, done.out, done.err) == (0, "version_applied: enabled\n", "")


def test_disabling_a_type_that_nothing_uses_warns_of_nothing(iu: Iu) -> None:
    assert iu(*TYPE).code == 0
    assert iu("type", "disable", "order_paid", "--reason", "t").err == ""
    refused(
        iu("emit", "order_paid", "a", "--subject", str(uuid4()), "--actor", "t"), 1, "disabled event type"
    )

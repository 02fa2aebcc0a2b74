"""`iu route`."""

from __future__ import annotations

from uuid import uuid4

import pytest

from cli.running import Iu, refused
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import inbound, outbox
from iu_pipelines.domain.worker import DEFAULT_WORKER, run_once


def test_routes_are_added_listed_enabled_and_disabled(iu: Iu) -> None:
    assert iu("route", "add", "iu.second", "version_applied").out == "iu.second: disabled\n"
    assert iu("route", "enable", "iu.second").out == "iu.second: enabled, dry run\n"
    assert iu("route", "disable", "iu.second", "--json").json["enabled"] is False
    assert iu("route", "enable", "iu_sql.iu_sql_link.insert").code == 0
    listed = iu("route", "list", "--json").json
    assert [route["route_code"] for route in listed["outbound"]][-1] == "iu.version_applied.workflow"
    assert listed["inbound"][0]["enabled"] is True
    assert "iu.second" in iu("route", "list").out


def test_an_inbound_route_captures_and_then_emits(iu: Iu, gateway: Gateway) -> None:
    code = "iu_sql.iu_sql_link.insert"
    insert = "insert into public.iu_sql_link (sql_object_ref, actor_ref) values ('a', 't')"
    assert iu("route", "enable", code).out == f"{code}: enabled, dry run\n"
    gateway.execute(insert)
    assert iu("route", "enable", code, "--emit").out == f"{code}: enabled, emits\n"
    gateway.execute(insert)
    assert iu("route", "enable", code).out == f"{code}: enabled, emits\n"
    assert iu("route", "enable", code, "--capture-only").out == f"{code}: enabled, dry run\n"
    assert [capture.decision for capture in inbound.captures(gateway)] == ["emitted", "dry_run"]


def test_an_outbound_route_cannot_be_set_to_emit(iu: Iu) -> None:
    done = iu("route", "enable", "iu.version_applied.workflow", "--emit")
    assert done.code == 1
    assert "no such inbound route: 'iu.version_applied.workflow'" in done.err
    assert "always a dry run" in done.err


def test_a_route_is_shown_changed_and_removed_with_reasons(iu: Iu, gateway: Gateway) -> None:
    add = ("route", "add", "shop.a", "version_applied", "--target-kind", "webhook", "--target-ref", "billing")
    assert iu(*add, "--enabled", "--reason", "first").code == 0
    assert iu("route", "set", "shop.a", "--target-ref", "billing2", "--reason", "moved").code == 0
    outbox.emit(gateway, "version_applied", "docs/a", uuid4(), "test", {})
    shown = iu("route", "show", "shop.a", "--json").json
    assert (shown["target_kind"], shown["target_ref"], shown["enabled"]) == ("webhook", "billing2", True)
    assert (shown["waiting"], shown["open_letters"]) == (1, 0)
    assert [change["reason"] for change in shown["history"]] == ["moved", "first"]
    assert "target_ref: billing -> billing2" in iu("route", "show", "shop.a").out
    run_once(gateway, DEFAULT_WORKER, 10)
    outbox.emit(gateway, "version_applied", "docs/b", uuid4(), "test", {})
    done = iu("route", "remove", "shop.a", "--reason", "closed")
    assert (done.code, done.out) == (0, "shop.a: removed\n")
    assert "waiting, and attempted by other routes only: 1 event of version_applied" in done.err
    assert (
        gateway.fetch_value("select count(*) from public.iu_route_attempt where route_code = 'shop.a'") == 1
    )
    change = gateway.fetch_one("select * from public.iu_config_history order by change_no desc limit 1")
    assert change is not None
    assert (change["name"], change["new_value"], change["reason"]) == ("shop.a", None, "closed")
    assert iu("route", "add", "shop.a", "version_applied").code == 0


def test_a_route_without_another_for_its_type_says_that_waiting_events_are_skipped(
    iu: Iu, gateway: Gateway
) -> None:
    outbox.emit(gateway, "version_applied", "docs/a", uuid4(), "test", {})
    done = iu("route", "remove", "iu.version_applied.workflow", "--reason", "t", "--json")
    assert done.json["warnings"] == ["waiting, and will get the decision skipped: 1 event of version_applied"]


def test_a_route_with_open_dead_letters_is_not_removed(iu: Iu, gateway: Gateway) -> None:
    code = "iu.version_applied.workflow"
    gateway.execute("alter table public.iu_outbound_route drop constraint dry_run_is_enforced")
    gateway.execute("update public.iu_outbound_route set dry_run = false")
    for number in range(2):
        outbox.emit(gateway, "version_applied", f"docs/{number}", uuid4(), "test", {})
    for _ in range(3):
        outbox.emit(gateway, "sql_link_created", "public.x", uuid4(), "test", {})
    run_once(gateway, DEFAULT_WORKER, 10)
    refused(
        iu("route", "remove", code, "--reason", "t"), 1, "2 open dead letters", f"iu route disable {code}"
    )
    assert iu("route", "show", code, "--json").json["open_letters"] == 2
    assert iu("route", "disable", code, "--reason", "t").code == 0


@pytest.mark.parametrize(
    ("words", "code", "named"),
    [
        (("shop.a", "nope"), "IU101", ["'nope'", "version_applied", "iu type add"]),
        (
            ("Shop A", "version_applied"),
            "IU104",
            ["route_code is malformed: 'Shop A'", "shop.order_paid.billing"],
        ),
        (("a,b", "version_applied"), "IU104", ["route_code is malformed: 'a,b'"]),
        (
            ("shop.a", "version_applied", "--target-kind", "carrierpigeon"),
            "IU601",
            ["unknown target kind 'carrierpigeon'", "webhook", "workflow"],
        ),
        (("shop.a", "version_applied", "--target-ref", ""), "IU104", ["argument target_ref is empty"]),
        (("iu.version_applied.workflow", "version_applied"), "IU104", ["already exists", "iu route set"]),
    ],
)
def test_a_bad_route_is_refused_with_what_to_write(
    kept_iu: Iu, words: tuple[str, ...], code: str, named: list[str]
) -> None:
    refused(kept_iu("route", "add", *words), 1, *named)
    assert kept_iu("route", "add", *words, "--json").error["code"] == code


@pytest.mark.parametrize(
    "target",
    ["https://ann:hunter2@example.org", "https://example.org/?token=hunter2", "ann:hunter2@example.org"],
)
def test_a_password_in_a_target_is_refused_and_neither_printed_nor_stored(
    kept_iu: Iu, kept_database: str, target: str
) -> None:
    add = ("route", "add", "shop.a", "version_applied", "--target-kind", "webhook", "--target-ref", target)
    change = ("route", "set", "iu.version_applied.workflow", "--target-ref", target)
    for words in (add, (*add, "--json"), change):
        done = kept_iu(*words)
        assert done.code == 1
        assert "IU_SECRET_" in done.err
        assert "hunter2" not in done.err + done.out
    assert kept_iu(*add, "--json").error["code"] == "IU602"
    with Gateway(kept_database) as gateway:
        assert (
            gateway.fetch_value(
                "select count(*) from public.iu_outbound_route_version where target_ref ~ 'hunter2'"
            )
            == 0
        )


def test_a_target_whose_module_is_missing_and_a_disabled_type_are_warnings(iu: Iu) -> None:
    done = iu(
        "route", "add", "shop.a", "version_applied", "--target-kind", "webhook", "--target-ref", "billing"
    )
    assert (done.code, done.out) == (0, "shop.a: disabled\n")
    assert (
        "warning: target kind 'webhook' belongs to the module iu-delivery, which is not installed" in done.err
    )
    assert iu("type", "disable", "version_applied", "--reason", "t").code == 0
    assert "warning: the event type 'version_applied' is disabled" in iu("route", "show", "shop.a").err
    assert iu("route", "add", "shop.b", "structure_piece_split").err == ""


def test_an_unknown_route_and_an_empty_change_are_refused(kept_iu: Iu) -> None:
    refused(kept_iu("route", "show", "nope"), 1, "no such outbound route: 'nope'")
    refused(kept_iu("route", "remove", "nope", "--reason", "t"), 1, "no such outbound route: 'nope'")
    refused(kept_iu("route", "set", "nope", "--target-ref", "x"), 1, "no such outbound route: 'nope'")
    refused(kept_iu("route", "set", "iu.version_applied.workflow"), 2, "nothing to change")
    refused(kept_iu("route", "remove", "iu.version_applied.workflow"), 2, "--reason")

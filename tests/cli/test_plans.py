"""`iu plan`, `iu apply`, `iu export` and `iu schema`."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from cli.running import Iu, refused
from domain.test_outbox_file import SHOP
from domain.test_plans import EMITTING, ORDERS, brief
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import configuration, routes
from iu_pipelines.domain.outbox_file import reading
from iu_pipelines.domain.plans import planning


class Terminal(io.StringIO):
    """An input that counts as a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def file(tmp_path: Path, gateway: Gateway) -> Path:
    """A file for the shop, whose database has a table of orders."""
    gateway.execute(ORDERS)
    path = tmp_path / "outbox.yaml"
    path.write_bytes(SHOP)
    return path


def changes(gateway: Gateway) -> list[tuple[str, str, str]]:
    return brief(planning.make(gateway, reading.read(SHOP, "f")).changes)


def test_plan_shows_the_difference_and_exits_with_3(iu: Iu, file: Path) -> None:
    done = iu("plan", str(file))
    assert (done.code, done.err) == (3, "")
    for line in (
        "+ add event type order_paid",
        "      payload_keys: [total_cents, item_count]",
        "      when.becomes: status: paid",
        "    * The triggers are created on public.orders.",
        "! route shop.order_paid.billing: target kind 'webhook' belongs to the module",
        "4 to add",
    ):
        assert line in done.out, line


def test_plan_with_json_has_changes_warnings_and_statements(iu: Iu, file: Path) -> None:
    done = iu("plan", str(file), "--json")
    assert done.code == 3
    assert list(done.json) == ["file", "prune", "changes", "warnings", "owner_statements"]
    first = done.json["changes"][0]
    assert (first["action"], first["noun"], first["name"]) == ("add", "event_type", "order_paid")
    assert {"field": "domain", "old": None, "new": "iu"} in first["fields"]


def test_apply_with_yes_and_reason_applies_and_a_second_plan_exits_with_0(
    iu: Iu, file: Path, gateway: Gateway
) -> None:
    done = iu("apply", str(file), "--yes", "--reason", "the shop sells")
    assert (done.code, done.err) == (0, "")
    assert done.out.endswith("4 to add\napplied: 4 changes\n")
    again = iu("plan", str(file))
    assert (again.code, again.out.splitlines()[-1]) == (0, f"{file}: no difference")
    assert iu("apply", str(file), "--yes", "--reason", "again").code == 0
    (change,) = configuration.history(gateway, "route", "shop.order_paid.billing")
    assert change.reason == "the shop sells"


def test_apply_with_json_prints_one_object(iu: Iu, file: Path) -> None:
    done = iu("apply", str(file), "--yes", "--reason", "a test", "--json")
    assert [change["noun"] for change in done.json["changes"]] == [
        "event_type",
        "worker",
        "route",
        "capture",
    ]
    again = iu("apply", str(file), "--yes", "--reason", "a test", "--json")
    assert (again.code, again.json) == (0, {"changes": [], "owner_statements": []})


@pytest.mark.parametrize("words", [(), ("--yes",), ("--reason", "why"), ("--yes", "--reason", "")])
def test_apply_without_a_terminal_needs_yes_and_a_reason(
    iu: Iu, file: Path, gateway: Gateway, words: tuple[str, ...]
) -> None:
    refused(iu("apply", str(file), *words), 2, "there is no terminal to ask at", "--yes --reason")
    assert len(changes(gateway)) == 4


def test_apply_asks_at_a_terminal_for_consent_and_a_reason(
    iu: Iu, file: Path, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("n\n"))
    done = iu("apply", str(file))
    assert (done.code, done.out.endswith("nothing was changed\n")) == (1, True)
    assert "Apply 4 changes?" in done.out + done.err
    assert len(changes(gateway)) == 4
    monkeypatch.setattr("sys.stdin", Terminal("y\nthe shop sells\n"))
    assert iu("apply", str(file)).code == 0
    (change,) = configuration.history(gateway, "event_type", "order_paid")
    assert change.reason == "the shop sells"
    file.write_bytes(EMITTING)
    monkeypatch.setattr("sys.stdin", Terminal("emit\n"))
    assert iu("apply", str(file), "--yes").code == 0
    assert configuration.history(gateway, "capture", "shop.orders.paid")[0].reason == "emit"


def test_a_change_while_apply_asks_stops_it(
    iu: Iu, file: Path, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slow(Terminal):
        def readline(self, size: int | None = -1, /) -> str:  # type: ignore[override]  # as StringIO has it
            routes.set_enabled(gateway, "iu.version_applied.workflow", False)
            return super().readline(-1 if size is None else size)

    file.write_text(
        "routes: {iu.version_applied.workflow: {event_type: version_applied, "
        "target: {kind: workflow, ref: other}}}",
        encoding="utf-8",
    )
    monkeypatch.setattr("sys.stdin", Slow("y\n"))
    done = iu("apply", str(file), "--reason", "a test")
    assert done.code == 1
    assert "the database changed after the plan was shown" in done.err


def test_an_invalid_file_is_refused_with_its_line_before_a_connection(no_iu: Iu, tmp_path: Path) -> None:
    path = tmp_path / "outbox.yaml"
    path.write_text("workers:\n  a b: {}\n", encoding="utf-8")
    for words in (("plan", str(path)), ("apply", str(path), "--yes", "--reason", "x")):
        refused(no_iu(*words), 1, f"{path}, line 2, column 3: workers.'a b': 'a b' is not a name of a worker")
    error = no_iu("plan", str(path), "--json").error
    assert (error["code"], error["notes"]) == ("IU701", [])


def test_a_file_that_cannot_be_read_is_bad_usage(no_iu: Iu, tmp_path: Path) -> None:
    refused(
        no_iu("plan", str(tmp_path / "none.yaml")), 2, "cannot read the file", "No such file", "iu export"
    )
    refused(no_iu("plan", str(tmp_path)), 2, "Is a directory")


def test_a_file_is_read_from_stdin(iu: Iu, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(SHOP)))
    assert iu("plan", "-").out == iu("plan", str(file)).out
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a: [")))
    refused(iu("apply", "-", "--yes", "--reason", "x"), 1, "stdin, line 1")


def test_export_prints_a_file_without_a_difference(iu: Iu, file: Path) -> None:
    iu("apply", str(file), "--yes", "--reason", "a test")
    done = iu("export")
    assert (done.code, done.err) == (0, "")
    file.write_text(done.out, encoding="utf-8")
    assert iu("plan", str(file), "--prune").code == 0
    assert iu("export", "--json").json["routes"]["shop.order_paid.billing"]["target"]["ref"] == "billing"


def test_export_names_what_it_leaves_out(iu: Iu, gateway: Gateway) -> None:
    gateway.execute("alter table public.iu_outbound_route disable trigger trg_iu_route_check")
    gateway.execute("update public.iu_outbound_route set target_ref = 'a b' where route_code ~ 'version'")
    done = iu("export")
    expected = "left out: routes 'iu.version_applied.workflow': target: 'a b' is not a reference of a target"
    assert f"warning: {expected}" in done.err
    assert done.out.endswith(f"# {expected}\n")
    (left_out,) = iu("export", "--json").json["left_out"]
    assert left_out["name"] == "iu.version_applied.workflow"


def test_prune_removes_what_the_file_does_not_name(iu: Iu, file: Path, gateway: Gateway) -> None:
    iu("apply", str(file), "--yes", "--reason", "a test")
    file.write_text("workers: {shop_outbound: {}}", encoding="utf-8")
    assert iu("plan", str(file)).code == 0
    done = iu("apply", str(file), "--prune", "--yes", "--reason", "closing")
    assert "- remove event type order_paid" in done.out
    assert "3 to remove\napplied: 3 changes" in done.out
    newest = configuration.history(gateway, "event_type", "order_paid")[0]
    assert (newest.new_value, newest.reason) == (None, "closing")


def test_schema_prints_the_json_schema_without_a_database(no_iu: Iu) -> None:
    done = no_iu("schema")
    assert done.code == 0
    Draft202012Validator.check_schema(done.json)
    assert json.loads(no_iu("schema", "--json").out) == done.json

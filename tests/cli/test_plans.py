"""`iu plan`, `iu apply`, `iu export` and `iu schema`."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
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


@pytest.mark.parametrize("words", [(), ("--reason", "why")])
def test_apply_without_a_terminal_needs_yes_and_a_reason(
    iu: Iu, file: Path, gateway: Gateway, words: tuple[str, ...]
) -> None:
    refused(iu("apply", str(file), *words), 2, "there is no terminal to ask at", "--yes --reason")
    assert len(changes(gateway)) == 4


@pytest.mark.parametrize("words", [("--yes",), ("--yes", "--reason", ""), ("--yes", "--json")])
def test_apply_with_yes_without_a_terminal_names_the_missing_reason(
    iu: Iu, file: Path, gateway: Gateway, words: tuple[str, ...]
) -> None:
    done = iu("apply", str(file), *words)
    assert (done.code, done.out) == (2, "")
    assert "missing option --reason" in done.err
    assert "terminal" not in done.err
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


TARGETS = """\
targets:
  shop-hook:
    kind: webhook
    address: https://hooks.example.com/orders
    secret: SHOP
routes:
  shop.hook: {event_type: version_applied, target: {kind: webhook, ref: shop-hook}}
"""


@pytest.fixture
def targets_file(tmp_path: Path) -> Path:
    """A file with a target and a route to it."""
    path = tmp_path / "targets.yaml"
    path.write_text(TARGETS, encoding="utf-8")
    return path


@pytest.fixture
def delivering_iu(command: Iu, new_database: Callable[[str], str], delivery_template: str) -> Iu:
    """Run `iu` with the words given, on a fresh database with the module iu-delivery."""
    url = new_database(delivery_template)
    return lambda *words: command(*words, "--database-url", url)


def test_targets_are_refused_at_their_line_without_the_module(iu: Iu, targets_file: Path) -> None:
    for words in (
        ("plan", str(targets_file)),
        ("apply", str(targets_file), "--yes", "--reason", "x"),
        ("simulate", str(targets_file)),
    ):
        refused(
            iu(*words),
            1,
            f"{targets_file}, line 1, column 1: targets: targets need the module iu-delivery, which is not "
            "installed",
            "iu migrate --with delivery",
        )
    targets_file.write_text("targets: {}", encoding="utf-8")
    refused(iu("plan", str(targets_file)), 1, "targets need the module iu-delivery")
    assert "targets" not in iu("export").out
    assert "targets" not in iu("export", "--json").json


def test_targets_are_planned_applied_and_exported_with_the_module(
    delivering_iu: Iu, targets_file: Path
) -> None:
    done = delivering_iu("plan", str(targets_file))
    assert done.code == 3
    for line in (
        "+ add target shop-hook",
        "      address: https://hooks.example.com/orders",
        "      retry_seconds: [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]",
        "    * No login may deliver to it; name the logins in senders.",
        "2 to add",
    ):
        assert line in done.out, line
    assert delivering_iu("apply", str(targets_file), "--yes", "--reason", "hooks").out.endswith(
        "applied: 2 changes\n"
    )
    exported = delivering_iu("export")
    assert exported.err == ""
    targets_file.write_text(exported.out, encoding="utf-8")
    assert delivering_iu("plan", str(targets_file), "--prune").code == 0
    found = delivering_iu("export", "--json").json["targets"]["shop-hook"]
    assert (found["secret"], found["after_failover"]) == ("SHOP", "resume")
    targets_file.write_text(
        TARGETS.replace("secret: SHOP", "secret: OTHER\n    timeout_seconds: 20"), encoding="utf-8"
    )
    changed = delivering_iu("plan", str(targets_file), "--json").json["changes"][0]
    assert (changed["noun"], changed["fields"]) == (
        "target",
        [
            {"field": "secret", "old": "SHOP", "new": "OTHER"},
            {"field": "timeout_seconds", "old": 10, "new": 20},
        ],
    )


KIND = """
from iu_pipelines.errors import TargetNotSafe

class Kafka:
    @classmethod
    def check(cls, address, options, secret_name, *, private):
        if address == "never" or not private:
            raise TargetNotSafe(f"address {address} is not allowed", hint="Write another.")
"""


def test_targets_are_checked_as_an_installed_kind_does(
    delivering_iu: Iu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The class is found by an entry point, as that of any distribution."""
    about = tmp_path / "site" / "a_kind-1.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: a-kind\nVersion: 1\n", encoding="utf-8")
    (about / "entry_points.txt").write_text(
        "[iu_pipelines.targets]\nkafka = a_kind_of_a_test:Kafka\n", encoding="utf-8"
    )
    (tmp_path / "site" / "a_kind_of_a_test.py").write_text(KIND, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    path = tmp_path / "targets.yaml"
    path.write_text("targets:\n  t:\n    kind: kafka\n    address: never\n", encoding="utf-8")
    refused(
        delivering_iu("plan", str(path)),
        1,
        f"{path}, line 4, column 5: targets.t.address: address never is not allowed",
        "Write another.",
    )
    path.write_text("targets: {t: {kind: kafka, address: here}}", encoding="utf-8")
    assert "! target t: address here is not allowed, so nothing is sent before an approver" in (
        delivering_iu("plan", str(path)).out
    )
    sys.modules.pop("a_kind_of_a_test")

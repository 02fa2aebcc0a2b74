"""`iu capture`: list, show, add, change and remove captures without a file."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import psycopg
import pytest

from cli.running import Iu, refused
from domain.test_plans import ORDERS
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import configuration
from iu_pipelines.domain.outbox_file import reading, writing
from iu_pipelines.domain.plans import applying, planning, state
from iu_pipelines.settings import sql_root

ADD: Final = (
    "capture", "add", "shop.paid", "--table", "public.orders", "--on", "update", "--becomes", "status=paid",
    "--event-type", "order_paid", "--subject", "id", "--address", "orders/{id}", "--payload", "total_cents",
    "--payload", "items=item_count", "--mode", "emit", "--reason", "a test",
)  # fmt: skip


@pytest.fixture
def shop(gateway: Gateway, iu: Iu) -> Gateway:
    """A database with a table of orders and the type `order_paid`."""
    gateway.execute(ORDERS)
    iu("type", "add", "order_paid", "--payload-key", "total_cents", "--payload-key", "items")
    return gateway


def replaced(option: str, value: str) -> list[str]:
    words = list(ADD)
    words[words.index(option) + 1] = value
    return words


def test_a_capture_is_added_attached_and_emits(iu: Iu, shop: Gateway) -> None:
    assert iu(*ADD).out == "shop.paid: emit, attached\n"
    shop.execute("update public.orders set status = 'paid' where id = 1")
    assert (
        shop.fetch_value("select canonical_address from public.event_outbox where event_type = 'order_paid'")
        == "orders/1"
    )
    (change,) = configuration.history(shop, configuration.CAPTURE, "shop.paid")
    assert change.reason == "a test"
    done = iu("capture", "show", "shop.paid", "--json")
    assert done.json["attachment"] == "attached"
    assert done.json["payload_map"] == {"total_cents": "total_cents", "items": "item_count"}
    assert "shop.paid" in iu("capture", "list").out


def test_a_capture_without_a_condition_is_a_dry_run_of_every_change(iu: Iu, shop: Gateway) -> None:
    words = [word for word in ADD if word not in ("--becomes", "status=paid", "--mode", "emit")]
    assert iu(*words).out == "shop.paid: dry_run, attached\n"
    shop.execute("update public.orders set status = 'open'")
    assert shop.fetch_value("select count(*) from public.iu_inbound_capture where decision = 'dry_run'") == 20


def test_the_mode_of_a_capture_is_changed_and_the_rest_is_kept(iu: Iu, shop: Gateway) -> None:
    iu(*ADD)
    done = iu("capture", "set", "shop.paid", "--mode", "dry_run", "--on-error", "skip_and_count")
    assert done.out == "shop.paid: dry_run, attached\n"
    found = iu("capture", "show", "shop.paid", "--json").json
    assert (found["on_error"], found["condition"], found["dry_run"]) == (
        "skip_and_count",
        {"becomes": {"status": "paid"}},
        True,
    )
    refused(iu("capture", "set", "shop.paid"), 2, "--mode")


def test_a_capture_is_removed_with_its_triggers_and_its_record_stays(iu: Iu, shop: Gateway) -> None:
    iu(*ADD)
    shop.execute("update public.orders set status = 'paid' where id = 1")
    assert iu("capture", "remove", "shop.paid", "--reason", "not billed here").out == "shop.paid: removed\n"
    shop.execute("update public.orders set status = 'open'")
    shop.execute("update public.orders set status = 'paid'")
    assert shop.fetch_value("select count(*) from public.iu_inbound_capture") == 1
    newest = configuration.history(shop, configuration.CAPTURE, "shop.paid")[0]
    assert newest.reason == "not billed here"


def test_copied_rows_are_captured(iu: Iu, shop: Gateway, database: str) -> None:
    words = [word for word in replaced("--on", "insert") if word not in ("--becomes", "status=paid")]
    assert iu(*words).out == "shop.paid: emit, attached\n"
    statement = "copy public.orders (id, status, total_cents, item_count) from stdin"
    with psycopg.connect(database) as connection, connection.cursor().copy(statement) as copy:
        copy.write_row((101, "open", 5, 1))
        copy.write_row((102, "open", 5, 1))
    found = shop.fetch_all("select source_key from public.iu_inbound_capture order by source_key")
    assert [row["source_key"] for row in found] == ["101", "102"]


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--table", "public.nope", "table 'public.nope' does not exist"),
        ("--on", "upsert", "insert, update or delete"),
        ("--event-type", "nope", "nope"),
        ("--subject", "nope", "no column 'nope'"),
        ("--address", "orders/{nope}", "no column 'nope'"),
        ("--payload", "nope=total_cents", "nope"),
        ("--mode", "live", "off, dry_run or emit"),
        ("--becomes", "status", "has no ="),
    ],
)
def test_an_option_that_does_not_fit_is_refused_by_its_value(
    iu: Iu, shop: Gateway, option: str, value: str, said: str
) -> None:
    done = iu(*replaced(option, value))
    refused(done, 2 if option == "--becomes" else 1, said)
    assert "line 1" not in done.err
    assert shop.fetch_value("select count(*) from public.iu_inbound_route") == 1


def test_an_unknown_capture_and_one_that_exists_are_refused_by_name(iu: Iu, shop: Gateway) -> None:
    iu(*ADD)
    refused(iu(*ADD), 1, "'shop.paid' already exists", "iu capture set shop.paid")
    for words in (("show", "nope"), ("set", "nope", "--mode", "off"), ("remove", "nope", "--reason", "x")):
        refused(iu("capture", *words), 1, "no such capture: 'nope'", "shop.paid")


@pytest.mark.parametrize("by_hand", [True, False])
def test_a_disabled_trigger_is_enabled_by_the_statement_that_is_shown_or_by_a_change(
    iu: Iu, shop: Gateway, by_hand: bool
) -> None:
    iu(*ADD)
    shop.execute("alter table public.orders disable trigger all")
    found = iu("capture", "show", "shop.paid", "--json").json
    assert found["attachment"] == "attached in part"
    (statement,) = found["attach_statements"]
    assert statement.startswith("alter table public.orders enable trigger trg_iu_capture_update_")
    assert f"    {statement};\n" in iu("capture", "show", "shop.paid").out
    if by_hand:
        shop.execute(statement)
    else:
        assert iu("capture", "set", "shop.paid", "--on-error", "skip_and_count").code == 0
    shown = iu("capture", "show", "shop.paid")
    assert iu("capture", "show", "shop.paid", "--json").json["attachment"] == "attached"
    assert "alter table" not in shown.out
    assert "becomes: {status: paid} " in shown.out
    shop.execute("update public.orders set status = 'paid' where id = 1")
    assert shop.fetch_value("select count(*) from public.event_outbox where event_type = 'order_paid'") == 1


PAY: Final = "update public.orders set phase = 'paid' where id = 1"


@pytest.fixture
def renamed(iu: Iu, shop: Gateway) -> Gateway:
    """A shop with an attached capture that reads a column which was renamed afterwards."""
    assert iu(*ADD).out == "shop.paid: emit, attached\n"
    shop.execute("alter table public.orders rename column status to phase")
    return shop


def test_a_statement_that_fails_after_a_rename_names_the_capture_and_a_command(
    renamed: Gateway, database: str
) -> None:
    with psycopg.connect(database) as connection, pytest.raises(psycopg.errors.UndefinedColumn) as caught:
        connection.execute(PAY)
    query = caught.value.diag.internal_query or ""
    assert query.startswith("select /* capture shop.paid of iu_pipelines, see: iu capture show shop.paid */")


def test_the_list_and_a_capture_name_its_function_and_the_column_that_is_missing(
    iu: Iu, renamed: Gateway
) -> None:
    function = renamed.fetch_value("select proname from pg_proc where proname ~ '^fn_iu_capture_[0-9]+$'")
    (row,) = (one for one in iu("capture", "list", "--json").json if one["route_code"] == "shop.paid")
    assert (row["function_name"], row["missing_columns"]) == (f"public.{function}", ["status"])
    said = (
        "capture shop.paid reads columns that public.orders does not have: status; changes that fire it fail"
    )
    assert said in iu("capture", "list").err
    shown = iu("capture", "show", "shop.paid")
    assert function in shown.out
    assert said in shown.err


def test_an_administrator_switches_a_capture_off_that_reads_a_missing_column(
    iu: Iu, renamed: Gateway, database: str
) -> None:
    with Gateway(database, role="workflow_admin") as admin:
        text = writing.write(state.read(admin).file).replace("mode: emit", "mode: off")
        source = reading.read(text.encode(), "outbox.yaml")
        applying.apply(admin, source, planning.make(admin, source), "a test")
    renamed.execute(PAY)
    assert renamed.fetch_value("select count(*) from public.iu_inbound_capture") == 0
    assert "; it is off (" in iu("capture", "show", "shop.paid").err
    refused(iu("capture", "set", "shop.paid", "--mode", "emit"), 1, "has no column 'status'")


def test_what_does_not_help_against_a_missing_column_is_refused_with_what_does(
    iu: Iu, renamed: Gateway
) -> None:
    for words in (("--mode", "dry_run"), ("--on-error", "skip_and_count")):
        done = iu("capture", "set", "shop.paid", *words)
        refused(done, 1, "when.becomes.status: public.orders has no column 'status'")
        assert "iu capture set shop.paid --mode off" in done.err
        assert "not captured meanwhile" in done.err


def test_a_capture_whose_type_was_disabled_becomes_a_dry_run(iu: Iu, shop: Gateway) -> None:
    iu(*ADD)
    iu("type", "disable", "order_paid", "--reason", "a test")
    assert (
        iu("capture", "set", "shop.paid", "--on-error", "skip_and_count").out == "shop.paid: emit, attached\n"
    )
    assert iu("capture", "set", "shop.paid", "--mode", "dry_run").out == "shop.paid: dry_run, attached\n"
    refused(iu("capture", "set", "shop.paid", "--mode", "emit"), 1, "event type order_paid is disabled")


def _edit(gateway: Gateway) -> None:
    text = gateway.fetch_value(
        "select pg_get_functiondef(oid) from pg_proc where proname ~ '^fn_iu_capture_[0-9]+$'"
    )
    gateway.execute(text.replace("AS $function$", "AS $function$ /* edited */"))


def test_a_change_of_a_capture_generates_a_function_again_that_was_edited(
    iu: Iu, shop: Gateway, tmp_path: Path
) -> None:
    iu(*ADD)
    _edit(shop)
    file = tmp_path / "outbox.yaml"
    file.write_text(iu("export").out, encoding="utf-8")
    assert iu("plan", str(file)).out == (
        "~ generate again capture shop.paid\n"
        "    * Its trigger function is not the one of this definition and table: another body.\n"
        "1 to generate again\n"
    )
    assert "another body; iu apply FILE generates it again" in iu("capture", "show", "shop.paid").err
    assert iu("capture", "set", "shop.paid", "--mode", "emit").code == 0
    assert iu("capture", "show", "shop.paid").err == ""


def test_the_functions_of_a_release_are_applied_although_a_capture_reads_a_missing_column(
    renamed: Gateway,
) -> None:
    text = (sql_root() / "iu-core/objects/inbound/trg_iu_capture_define.sql").read_text("utf-8")
    renamed.execute(text)
    with pytest.raises(Exception, match="does not exist"):
        renamed.execute(PAY)
    renamed.execute("alter table public.orders rename column phase to status")
    renamed.execute(text)
    renamed.execute("update public.orders set status = 'paid' where id = 1")


def test_the_history_of_a_capture_has_json(iu: Iu, shop: Gateway) -> None:
    iu(*ADD)
    shop.execute(
        'update public.iu_inbound_route set condition = \'{"equals": {"status": "open"}}\', dry_run = true '
        "where route_code = 'shop.paid'"
    )
    shown = " ".join(iu("capture", "show", "shop.paid").out.split())
    assert '{"becomes": {"status": "paid"}} -> {"equals": {"status": "open"}}' in shown
    assert "dry_run: false -> true" in shown

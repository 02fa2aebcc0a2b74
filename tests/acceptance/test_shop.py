"""A user's own event, from an empty database to attempts, as the page about captures describes it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final
from uuid import uuid4

import psycopg
import pytest
import sqlalchemy
from django.db import transaction
from sqlalchemy.orm import Session

import pages
from acceptance.console import Shell, commands, first_difference
from databases import Server
from emit import kinds
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.emit import subject

PAGE: Final = "docs/how-to/capture-a-table.md"
HEADING: Final = "Capture a table"
ORDERS: Final = 50_000
PAID: Final = 20_000


@pytest.fixture
def empty(server: Server) -> Iterator[str]:
    """Yield the URL of a database without any object."""
    name = f"iu_shop_{uuid4().hex[:8]}"
    yield server.create(name)
    server.drop(name)


def follow(shell: Shell, first: int, last: int | None) -> None:
    """Run commands of the page, and compare what they print with what it shows."""
    for command in commands(pages.text(PAGE))[first:last]:
        difference = first_difference(command.output, shell.run(command.text))
        assert difference is None, f"$ {command.text}\n{difference}"


def test_a_shop_follows_the_page_from_an_empty_database_to_audited_attempts(
    empty: str, tmp_path: Path
) -> None:
    table, update = pages.code(PAGE, HEADING, "sql")
    (file,) = pages.code(PAGE, HEADING, "yaml")
    shell = Shell(tmp_path, IU_DATABASE_URL=empty)
    (shell.folder / "outbox.yaml").write_text(file, encoding="utf-8")
    shell.run("iu migrate")
    with Gateway(empty) as gateway:
        gateway.run_script(table)
        gateway.execute(
            "insert into public.orders (total_cents, item_count)"
            " select n, 1 from generate_series(1, %s) as n",
            (ORDERS,),
        )
        follow(shell, 0, 3)
        pay_by_every_way(empty)
        gateway.run_script(update)
        follow(shell, 3, 5)
        paid = sorted([1, 3, 5, *range(101, 101 + PAID)])
        assert captured(gateway) == paid
        assert attempts(gateway) == {
            ("shop.order_paid.billing", "dry_run"): len(paid),
            ("shop.order_paid.search", "dry_run"): len(paid),
        }
        assert gateway.fetch_value(
            "select safe_payload from public.event_outbox where event_subject_ref = %s",
            (subject("public.orders", 5),),
        ) == {"total_cents": 5, "item_count": 1}
        assert {
            (row["noun"], row["name"], row["reason"])
            for row in gateway.fetch_all(
                "select noun, name, reason from public.iu_config_history where reason is not null"
            )
        } == {
            (noun, name, "Orders are billed and searched")
            for noun, name in (
                ("event_type", "order_paid"),
                ("route", "shop.order_paid.billing"),
                ("route", "shop.order_paid.search"),
                ("capture", "shop.orders.paid"),
            )
        }


def test_a_column_is_renamed_as_the_page_says(empty: str, tmp_path: Path) -> None:
    table, _ = pages.code(PAGE, HEADING, "sql")
    planned, unplanned = pages.code(PAGE, "Rename or drop a column", "sql")
    (file,) = pages.code(PAGE, HEADING, "yaml")
    shell = Shell(tmp_path, IU_DATABASE_URL=empty)
    (shell.folder / "outbox.yaml").write_text(file, encoding="utf-8")
    shell.run("iu migrate")
    with Gateway(empty) as gateway:
        gateway.run_script(table)
        gateway.execute("insert into public.orders (total_cents, item_count) values (1, 1), (2, 1), (3, 1)")
        follow(shell, 1, 2)
        gateway.run_script(planned)
        follow(shell, 5, 7)
        gateway.execute("update public.orders set state = 'paid' where id = 1")
        gateway.run_script(unplanned)
        follow(shell, 7, 8)
        (refused,) = {line for line in shell.run("iu plan outbox.yaml") if line.startswith("error: ")}
        assert "public.orders has no column 'state'" in refused
        with pytest.raises(Exception, match=r"column n\.state does not exist"):
            gateway.execute("update public.orders set phase = 'paid' where id = 2")
        follow(shell, 8, 9)
        gateway.execute("update public.orders set phase = 'paid' where id = 2")
        follow(shell, 9, None)
        gateway.execute("update public.orders set phase = 'paid' where id = 3")
        assert captured(gateway) == [1, 3]
        assert gateway.fetch_value(
            "select array_agg(reason order by change_no) from public.iu_config_history"
            " where name = 'shop.orders.paid'"
        ) == [
            "Orders are billed and searched",
            "status is called state",
            "orders must be paid meanwhile",
            "state is called phase",
        ]


def pay_by_every_way(url: str) -> None:
    """Pay orders 1, 3 and 5 by psycopg, SQLAlchemy and Django. Orders 2, 4 and 6 are rolled back."""
    with kinds.django_connection(url):
        names = pages.run(PAGE, HEADING)
        names["pay_with_django"](5)
        with transaction.atomic():
            names["DjangoOrder"].objects.filter(pk=6).update(status="paid")
            transaction.set_rollback(True)
    with psycopg.connect(url) as connection:
        names["pay"](connection, 1)
        with connection.transaction(force_rollback=True):
            names["pay"](connection, 2)
    engine = sqlalchemy.create_engine(kinds.alchemy_url(url, "psycopg"))
    names["pay_with_sqlalchemy"](engine, 3)
    with Session(engine) as session:
        session.get_one(names["Order"], 4).status = "paid"
        session.flush()
        session.rollback()
    engine.dispose()


def captured(gateway: Gateway) -> list[int]:
    """Return the keys of the orders that have an event, in ascending order."""
    found = gateway.fetch_all(
        """select capture.source_key::int as key from public.iu_inbound_capture as capture
           inner join public.event_outbox as event using (event_id)
           where event.canonical_address = 'orders/' || capture.source_key order by key"""
    )
    return [row["key"] for row in found]


def attempts(gateway: Gateway) -> dict[tuple[str, str], int]:
    found = gateway.fetch_all(
        """select route_code, decision, count(distinct event_id) as events
           from public.iu_route_attempt group by route_code, decision"""
    )
    return {(row["route_code"], row["decision"]): row["events"] for row in found}

"""The gateway uses read committed whatever the default of the database is, also behind a pooler."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote, urlsplit

import psycopg
import pytest

from databases import Server
from db.pooler import Manner, in_front_of
from iu_pipelines.db.gateway import Gateway, probe
from iu_pipelines.errors import PermissionDenied, StatementFailed

LEVEL = "show transaction_isolation"
LEVELS = pytest.mark.parametrize("level", ["repeatable read", "serializable"])


@pytest.fixture
def other_default(empty_database: str, level: str) -> str:
    """Return the URL of a database whose default isolation level is `level`."""
    name = urlsplit(empty_database).path.lstrip("/")
    with psycopg.connect(empty_database, autocommit=True) as session:
        session.execute(f"alter database \"{name}\" set default_transaction_isolation = '{level}'".encode())
    with psycopg.connect(empty_database) as session:
        assert session.execute(LEVEL).fetchone() == (level,)
    return empty_database


@pytest.fixture(params=["direct", "refuse", "drop"])
def url(request: pytest.FixtureRequest, other_default: str) -> Iterator[str]:
    """Yield the URL of that database: direct, or of a pooler that refuses or drops startup options."""
    manner: Manner | None = request.param if request.param != "direct" else None
    if manner is None:
        yield other_default
        return
    with in_front_of(other_default, manner) as pooled:
        yield pooled


def levels(gateway: Gateway) -> dict[str, str]:
    """Return the isolation level of each kind of call."""
    note = "do $$ begin raise notice '%', current_setting('transaction_isolation'); end $$"
    with gateway.transaction() as session:
        inside = session.fetch_value(LEVEL)
    script, begun, explicit = (
        gateway.run_script(text)[0].message
        for text in (
            note,
            f"begin read only;\n{note};\nrollback;\n",
            f"begin; set local transaction_isolation = 'repeatable read';\n{note};\nrollback;\n",
        )
    )
    rows = gateway.fetch_all("select current_setting('transaction_isolation') as level")
    return {
        "value": gateway.fetch_value(LEVEL),
        "rows": rows[0]["level"],
        "transaction": inside,
        "script": script,
        "script with begin": begun,
        "script with another level": explicit,
    }


@LEVELS
def test_every_call_is_read_committed(url: str, level: str) -> None:
    with Gateway(url) as gateway:
        assert gateway.execute("create table public.written (n int)") == -1
        assert gateway.execute("insert into public.written values (1)") == 1
        assert levels(gateway) == {
            "value": "read committed",
            "rows": "read committed",
            "transaction": "read committed",
            "script": "read committed",
            "script with begin": "read committed",
            "script with another level": "repeatable read",
        }


@LEVELS
def test_calls_are_committed_and_errors_keep_their_line(url: str, level: str) -> None:
    with Gateway(url) as gateway, Gateway(url) as other:
        gateway.execute("create table public.counted (n int)")
        assert other.fetch_value("select count(*) from public.counted") == 0
        with pytest.raises(StatementFailed, match="at line 3"):
            gateway.run_script("select 1;\nselect 2;\nselect nonsense;")
        with pytest.raises(StatementFailed, match="division by zero"):
            gateway.fetch_value("select 1 / 0")
        assert gateway.fetch_value("select 1") == 1
        assert probe(url) >= 140_000


@LEVELS
def test_create_database_runs_outside_a_transaction(url: str, level: str, server: Server) -> None:
    name = f"{urlsplit(url).path.lstrip('/')}_beside"
    with Gateway(url) as gateway:
        try:
            gateway.execute(f'create database "{name}"')
        finally:
            server.drop(name)


@LEVELS
def test_a_role_or_a_level_in_the_url_does_not_change_the_isolation_level(
    other_default: str, level: str
) -> None:
    with Gateway(other_default, role="pg_monitor") as gateway:
        assert gateway.fetch_value("select current_user") == "pg_monitor"
        assert gateway.fetch_value(LEVEL) == "read committed"
    asked = f"-c default_transaction_isolation={level.replace(' ', chr(92) + ' ')} -c work_mem=2MB"
    with Gateway(with_options(other_default, asked)) as gateway:
        assert gateway.fetch_value("show work_mem") == "2MB"
        assert gateway.fetch_value(LEVEL) == "read committed"


def with_options(url: str, options: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}options={quote(options)}"


def test_reading_rows_that_a_policy_hides_raises_an_error(empty_gateway: Gateway) -> None:
    empty_gateway.execute("create table public.hidden (n int)")
    empty_gateway.execute("alter table public.hidden enable row level security")
    empty_gateway.execute("grant select on public.hidden to public")
    refused = pytest.raises(PermissionDenied, match='row-level security policy for table "hidden"')
    with Gateway(empty_gateway.url, role="pg_monitor") as reader, refused:
        reader.fetch_value("select count(*) from public.hidden")

"""Commands that only read, while another session has locked a table."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from cli.running import Iu, refused
from iu_pipelines.cli import connection
from iu_pipelines.domain import metrics


@contextmanager
def locked(url: str, table: str = "iu_route_worker_cursor") -> Iterator[int]:
    """Lock a table, and yield the process id of the session."""
    with psycopg.connect(url, application_name="maintenance") as session:
        session.execute(f"lock table {table} in access exclusive mode".encode())
        yield session.info.backend_pid
        session.rollback()


@pytest.mark.parametrize("words", [("status",), ("worker", "list"), ("metrics", "--json"), ("export",)])
def test_a_command_that_reads_ends_with_the_table_and_who_has_locked_it(
    iu: Iu, database: str, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "LOCK_SECONDS", 1)
    monkeypatch.setattr(metrics, "LOCK_SECONDS", 1)
    begin = time.monotonic()
    with locked(database) as pid:
        done = iu(*(word for word in words if word != "--json"), "--json")
        assert done.error["code"] == "55P03"
        assert f"table iu_route_worker_cursor is locked by process {pid} of" in done.error["message"]
        assert "(maintenance)" in done.error["message"]
        assert done.error["hint"].endswith("iu doctor")
    assert time.monotonic() - begin < 60
    assert iu(*words).code == 0


def test_a_command_that_reads_names_the_session_behind_which_it_waits(
    iu: Iu, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A migration that waits for an old transaction holds up the readers that come after it."""
    monkeypatch.setattr(connection, "LOCK_SECONDS", 1)
    with psycopg.connect(database) as reader, psycopg.connect(database) as waiter:
        reader.execute("select count(*) from iu_route_worker_cursor")
        waiter.execute("select 1")
        waiter.pgconn.send_query(b"lock table iu_route_worker_cursor in access exclusive mode")
        time.sleep(0.5)
        refused(
            iu("worker", "list"),
            1,
            f"process {waiter.info.backend_pid} of",
            "waits to lock table",
            "iu doctor",
        )
        reader.rollback()
        while waiter.pgconn.get_result():
            pass


def test_the_worker_waits_for_a_lock_and_does_not_fail(database: str) -> None:
    limit = "import sys; from iu_pipelines.cli import connection, main; connection.LOCK_SECONDS = 1; "
    words = [sys.executable, "-c", f"{limit}sys.exit(main.run(sys.argv[1:]))", "run", "--once"]
    with locked(database):
        running = subprocess.Popen([*words, "--database-url", database], stdout=subprocess.DEVNULL)
        with pytest.raises(subprocess.TimeoutExpired):
            running.wait(5)
    assert running.wait(60) == 0


def test_metrics_say_that_a_statement_was_cancelled(
    iu: Iu, monkeypatch: pytest.MonkeyPatch, database: str
) -> None:
    monkeypatch.setattr(metrics, "LOCK_SECONDS", 9)
    monkeypatch.setattr(metrics, "_STATEMENT_SECONDS", 1)
    with locked(database):
        done = iu("metrics")
    assert done.code == 1
    assert "a statement took more than 1 s" in done.err
    assert "hint:  Look for a busy server" in done.err

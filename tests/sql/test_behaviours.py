"""Each .sql file below this folder tests a behaviour and raises if the behaviour does not hold. All roll back.

The name of a file is the sentence that it tests; `-k gates/` or a part of a sentence selects files.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from databases import Server

HERE = Path(__file__).parent
FILES = sorted(HERE.glob("*/*.sql"))


@pytest.fixture(scope="module")
def connection(server: Server, template: str, request: pytest.FixtureRequest) -> Iterator[psycopg.Connection]:
    """Return a session on a database of this module, with the functions of support.sql installed."""
    name = f"{template}_behaviours_{getattr(request.config, 'workerinput', {}).get('workerid', 'main')}"
    url = server.create(name, template)
    strict = "-c plpgsql.extra_errors=all"
    with psycopg.connect(url, autocommit=True, options=strict) as connection:
        connection.execute((HERE / "support.sql").read_bytes())
        yield connection
    server.drop(name)


def statements(text: str) -> Iterator[tuple[int, str]]:
    """Yield the statements of a script with their line numbers; each ends with a line that ends in `;`."""
    lines: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if lines or (line.strip() and not line.startswith("--")):
            lines.append(line)
        if lines and line.rstrip().endswith(";") and "\n".join(lines).count("$$") % 2 == 0:
            yield number - len(lines) + 1, "\n".join(lines)
            lines = []
    assert not lines, f"a statement has no end: {lines}"


def play(connection: psycopg.Connection, text: str) -> None:
    """Run a behaviour and roll it back. Raises AssertionError with the line that does not hold."""
    if connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE:
        # Retention and anchors need read committed, whatever the default of the database is.
        level = "'read committed'" if re.search(r"retain\(|anchor|_cluster", text) else "default"
        connection.execute(f"set default_transaction_isolation = {level}".encode())
    with connection.transaction(force_rollback=True):
        connection.execute("set local search_path = iu_test, public")
        for line, statement in statements(text):
            try:
                connection.execute(statement.encode())
            except psycopg.Error as error:
                said = f"{error.sqlstate} {error.diag.message_primary}"
                raise AssertionError(f"line {line}: {said}\n{statement}") from None


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_behaviour(file: Path, connection: psycopg.Connection) -> None:
    play(connection, file.read_text(encoding="utf-8"))


def test_a_behaviour_that_does_not_hold_names_its_line(connection: psycopg.Connection) -> None:
    with pytest.raises(AssertionError, match="line 3: P0001 expected 2, seen 1"):
        play(connection, "-- one is two\n\nselect same(1, 2);\n")


def test_a_behaviour_leaves_nothing_behind(connection: psycopg.Connection) -> None:
    count: Callable[[], object] = lambda: connection.execute(  # noqa: E731
        "select (select count(*) from event_outbox), (select count(*) from iu_route_attempt_log)"
    ).fetchone()
    before = count()
    play(connection, "select emit();\nselect run();\n")
    assert count() == before

"""The SQL files of modules: each statement is used, and returns the columns that its module reads."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest

import iu_pipelines
from databases import Server
from iu_pipelines.db.statements import Statements, load
from iu_pipelines.domain.attempts import Attempt
from iu_pipelines.domain.event_types import EventType
from iu_pipelines.domain.routes import Route
from iu_pipelines.evidence.facts import Count

PACKAGE: Final = Path(iu_pipelines.__file__).parent
LAYERS: Final = ("domain", "evidence", "ingest")
FILES: Final = sorted(file for layer in LAYERS for file in (PACKAGE / layer).rglob("*.sql")) + sorted(
    PACKAGE.glob("*.sql")
)
SOURCES: Final = sorted(file for layer in LAYERS for file in (PACKAGE / layer).rglob("*.py"))
CALLS: Final = {"fetch_value", "fetch_one", "fetch_all", "execute", "copy_rows", "run_script"}
PARAMETER: Final = re.compile(r"%\((\w+)\)s")
JSONB: Final = 3802

READ_BY_A_HELPER: Final = {
    **{
        ("iu_pipelines.domain.attempts", name): Attempt
        for name in ("recent", "for_run", "for_worker", "for_batch", "for_event", "for_key", "attempt")
    },
    **{
        ("iu_pipelines.domain.event_types", name): EventType
        for name in ("get", "add", "change", "remove", "set_enabled")
    },
    **{
        ("iu_pipelines.domain.routes", name): Route
        for name in ("get", "set_enabled", "add", "change", "remove")
    },
    ("iu_pipelines.evidence.collect", "letters_by_state"): Count,
    ("iu_pipelines.evidence.collect", "open_letters_by_failure"): Count,
    ("iu_pipelines.evidence.collect", "captures_by_decision"): Count,
}
"""Statements whose rows are converted to a dataclass by another function than the one that names them."""

SINCE: Final = {("iu_pipelines.domain.doctor.server", "collation_version"): 150_000}
"""Statements that are sent to servers of this version or newer only."""


def module_of(file: Path) -> str:
    return ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts)


STATEMENTS: Final = [(module_of(file), name) for file in FILES for name in load(module_of(file))]


def names_used(tree: ast.AST) -> set[str]:
    """Return the names in `_SQL["name"]` and in `_found(gateway, "name", …)`."""
    return {
        ast.literal_eval(node.slice)
        for node in ast.walk(tree)
        if isinstance(node, ast.Subscript)
        and isinstance(node.slice, ast.Constant)
        and ast.unparse(node.value) == "_SQL"
    } | {
        ast.literal_eval(node.args[1])
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "_found"
    }


def classes_read(tree: ast.AST) -> set[str]:
    """Return the names in `rows.read(Name, …)`."""
    return {
        ast.unparse(node.args[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "rows.read"
    }


def readings() -> Iterator[tuple[str, str, type]]:
    """Yield (module, statement, dataclass) for each function that reads one statement into a dataclass."""
    for file in FILES:
        module = importlib.import_module(module_of(file))
        for node in ast.walk(ast.parse(file.with_suffix(".py").read_text())):
            if (
                isinstance(node, ast.FunctionDef)
                and (classes := classes_read(node))
                and node.name != "_found"
            ):
                (name,), (row,) = names_used(node), classes
                yield module.__name__, name, getattr(module, row)
    for (module_name, name), read in READ_BY_A_HELPER.items():
        yield module_name, name, read


def numbered(statement: str) -> str:
    """Return the statement with $1 for its first parameter, as psycopg sends it."""
    names = list(dict.fromkeys(PARAMETER.findall(statement)))
    if not names:
        return statement
    return PARAMETER.sub(lambda found: f"${names.index(found[1]) + 1}", statement).replace("%%", "%")


def described(connection: psycopg.Connection[Any], statement: str) -> list[tuple[str, int]]:
    """Return the names and type OIDs of the columns of a statement, as PostgreSQL describes them.

    Raises:
        AssertionError: PostgreSQL rejects the statement.
    """
    server = connection.pgconn
    prepared = server.prepare(b"", numbered(statement).encode())
    assert prepared.status == psycopg.pq.ExecStatus.COMMAND_OK, prepared.error_message.decode()
    answer = server.describe_prepared(b"")
    return [((answer.fname(n) or b"").decode(), answer.ftype(n)) for n in range(answer.nfields)]


@pytest.fixture(scope="module")
def connection(
    server: Server, delivery_template: str, request: pytest.FixtureRequest
) -> Iterator[psycopg.Connection]:
    """Yield a session on a database with every step applied and the temporary table for a chunk."""
    worker = getattr(request.config, "workerinput", {}).get("workerid", "main")
    name = f"{delivery_template}_statements_{worker}"
    with psycopg.connect(server.create(name, delivery_template)) as connection:
        connection.execute(Statements("iu_pipelines.domain.units")["create_chunk"].encode())
        yield connection
    server.drop(name)


def test_every_file_has_only_statements_with_names_that_the_loader_reads() -> None:
    assert len(STATEMENTS) > 50
    for file in FILES:
        text = file.read_text()
        head, *_ = text.partition("-- name:")
        assert [line for line in head.splitlines() if line and not line.startswith("--")] == [], file
        assert text.count("-- name:") == len(load(module_of(file))), file
        assert all(re.fullmatch(r"[a-z_]+", name) for name in load(module_of(file))), file


def test_every_statement_is_used_by_its_module_and_every_name_exists() -> None:
    for file in FILES:
        assert names_used(ast.parse(file.with_suffix(".py").read_text())) == set(load(module_of(file))), file


def test_no_module_has_a_statement_in_its_code() -> None:
    written = [
        f"{file}: {ast.unparse(node.args[0])}"
        for file in SOURCES
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CALLS
        if not isinstance(node.args[0], ast.Subscript | ast.Name)
    ]
    assert written == []


def test_an_unknown_name_raises_lookup_error_with_the_known_names() -> None:
    with pytest.raises(
        LookupError, match=r"iu_pipelines\.domain\.gates has no statement 'nope', only list_gates"
    ):
        Statements("iu_pipelines.domain.gates")["nope"]


def test_a_file_is_read_only_when_a_statement_is_accessed() -> None:
    modules = ", ".join(module_of(file) for file in FILES)
    code = f"import {modules}; from iu_pipelines.db.statements import load; print(load.cache_info().currsize)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"


def test_all_parameters_of_every_statement_have_names() -> None:
    for module, name in STATEMENTS:
        assert "%" not in PARAMETER.sub("", Statements(module)[name]).replace("%%", ""), (module, name)


def test_a_server_accepts_every_statement(connection: psycopg.Connection[Any]) -> None:
    for module, name in STATEMENTS:
        if SINCE.get((module, name), 0) > connection.info.server_version:
            continue
        described(connection, Statements(module)[name])


def test_a_statement_with_an_unknown_column_is_detected(connection: psycopg.Connection[Any]) -> None:
    with (
        pytest.raises(AssertionError, match="no_such_column"),
        connection.transaction(force_rollback=True),
    ):
        described(connection, "select no_such_column from public.dot_config where key = %(key)s")


def test_the_columns_of_every_statement_are_the_fields_of_its_dataclass(
    connection: psycopg.Connection[Any],
) -> None:
    for module, name, row in readings():
        columns = described(connection, Statements(module)[name])
        if columns != [("answer", JSONB)]:
            fields = [field.name for field in dataclasses.fields(row)]
            assert [column for column, _ in columns] == fields, (module, name)


def test_the_dataclasses_that_statements_are_read_into_are_found() -> None:
    found = {row.__name__ for _, _, row in readings()}
    assert found >= {"Attempt", "DeadLetter", "Gate", "Route", "InboundRoute", "Batch", "Round", "ChainCheck"}

"""The keys of the gates stand in one function; Python's constants are compared with it."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg
import pytest

from iu_pipelines.domain import gates
from iu_pipelines.settings import sql_root

NAMES = {
    "master": gates.MASTER,
    "worker": gates.WORKER,
    "delivery": gates.DELIVERY,
    "live_routes": gates.LIVE_ROUTES,
    "jobs": gates.JOBS,
}
FILES = [
    path
    for folder in ("objects", "sandbox")
    for path in sorted((sql_root() / "iu-core" / folder).rglob("*.sql"))
]


@pytest.fixture
def session(database: str) -> psycopg.Connection:
    return psycopg.connect(database, autocommit=True)


def test_the_constants_of_python_are_the_keys_of_the_function(session: psycopg.Connection) -> None:
    with session:
        rows = session.execute(
            "select name, public.fn_iu_gate_key(name) from unnest(%s::text[]) as g (name)", (list(NAMES),)
        ).fetchall()
        listed = session.execute("select key from public.fn_iu_gate_list()").fetchall()
    assert dict(rows) == NAMES
    assert [key for (key,) in listed] == list(NAMES.values())


def test_a_gate_is_asked_for_by_a_name_that_the_function_knows() -> None:
    asked = {name for path in FILES for name in re.findall(r"fn_iu_gate_key\('+(\w+)'+\)", path.read_text())}
    assert asked == set(NAMES)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_no_function_and_no_probe_spells_the_key_of_a_gate(path: Path) -> None:
    spelled = [key for key in NAMES.values() if key in path.read_text()]
    assert spelled == (list(NAMES.values()) if path.stem == "fn_iu_gate_key" else [])


def test_the_key_of_a_gate_is_a_constant_of_the_plan(session: psycopg.Connection) -> None:
    with session:
        rows = session.execute(
            "explain (verbose, costs off) select public.fn_iu_gate_open(public.fn_iu_gate_key('master'))"
        )
        plan = "\n".join(line for (line,) in rows)
    assert f"fn_iu_gate_open('{gates.MASTER}'::text)" in plan
    assert "fn_iu_gate_key" not in plan

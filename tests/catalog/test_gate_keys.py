"""One function defines the keys of the gates; Python and the rows of step 020 agree with it."""

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
SPELLED_IN = ("iu-core/objects/gates/fn_iu_gate_key", "iu-core/runtime/020_gates")
"""The function, and the step that is applied before it and inserts a row for each gate."""

FILES = [
    path
    for folder in ("objects", "runtime", "verify", "rollback", "sandbox")
    for path in sorted(sql_root().glob(f"*/{folder}/**/*.sql"))
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


def test_files_use_only_names_of_gates_that_the_function_knows() -> None:
    asked = {name for path in FILES for name in re.findall(r"fn_iu_gate_key\('+(\w+)'+\)", path.read_text())}
    assert asked == set(NAMES)


def name_of(path: Path) -> str:
    return str(path.relative_to(sql_root()).with_suffix(""))


def test_only_the_function_and_its_step_contain_the_keys_of_gates() -> None:
    key = re.compile("|".join(map(re.escape, NAMES.values())))
    spelled = {name_of(path): found for path in FILES if (found := key.findall(path.read_text()))}
    assert spelled == {name: list(NAMES.values()) for name in SPELLED_IN}


def test_the_key_of_a_gate_is_a_constant_of_the_plan(session: psycopg.Connection) -> None:
    with session:
        rows = session.execute(
            "explain (verbose, costs off) select public.fn_iu_gate_open(public.fn_iu_gate_key('master'))"
        )
        plan = "\n".join(line for (line,) in rows)
    assert f"fn_iu_gate_open('{gates.MASTER}'::text)" in plan
    assert "fn_iu_gate_key" not in plan

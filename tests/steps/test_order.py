"""Steps are applied in the order schema, functions, what needs functions; also with psql and in upgrades."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from by_hand import psql
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import files, migration, plan, verification
from iu_pipelines.errors import StepRefused
from next_step import AFTER, FUNCTIONS, SCHEMA, require
from proven import failed_lines
from steps.schema_picture import picture

BY_HAND = ("-1", "-v", "ON_ERROR_STOP=1")

NEW_TABLE = "create table public.iu_new (n int primary key);\ncomment on table public.iu_new is 'New.';\n"
NEW_FUNCTION = """create or replace function public.fn_iu_new_count(given public.iu_new)
returns bigint
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select count(*) from public.iu_new as n where n.n >= given.n
$$;
comment on function public.fn_iu_new_count(public.iu_new) is 'How many rows there are from one on.';
select public.fn_iu_object_declare('iu-core', 'table', 'public.iu_new', 'state');
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_new_count(public.iu_new)', 'inspect');
"""


@pytest.fixture
def newer(tree: Path, add_step: Callable[[str, str], None]) -> Path:
    """Return the tree of a next release: step 990 creates a table, and a function listed in 070 needs it."""
    (tree / "iu-core/objects/fn_iu_new_count.sql").write_text(NEW_FUNCTION)
    path = tree / "iu-core/runtime/070_functions.sql"
    path.write_text(
        path.read_text().replace("-- Gates.\n", "\\ir ../objects/fn_iu_new_count.sql\n\n-- Gates.\n")
    )
    add_step("990_new", NEW_TABLE)
    return tree


def test_schema_steps_come_first_then_functions_then_what_needs_them(newer: Path) -> None:
    names = [step.name for step in files.load_steps(newer, [files.CORE])]
    assert names == [*SCHEMA, "990_new", *FUNCTIONS, *AFTER]


def test_a_fresh_install_makes_the_table_of_a_later_step_before_the_function_that_needs_it(
    empty_gateway: Gateway, newer: Path
) -> None:
    names = [result.name for result in migration.apply(empty_gateway, root=newer)]
    assert names == [*SCHEMA, "990_new", *FUNCTIONS, *AFTER]
    assert failed_lines(verification.verify(empty_gateway, root=newer)) == []


def test_an_upgrade_applies_the_new_schema_step_and_then_the_functions_again(
    gateway: Gateway, newer: Path
) -> None:
    results = migration.apply(gateway, root=newer)
    assert [(result.name, result.action) for result in results] == [
        ("990_new", "applied"),
        *((name, "reapplied") for name in FUNCTIONS),
    ]
    assert migration.apply(gateway, root=newer) == []
    assert failed_lines(verification.verify(gateway, root=newer)) == []


def test_a_fresh_install_and_an_upgrade_end_alike(
    empty_gateway: Gateway, gateway: Gateway, newer: Path
) -> None:
    migration.apply(empty_gateway, root=newer)
    migration.apply(gateway, root=newer)
    assert picture(empty_gateway) == picture(gateway)


def test_the_plan_is_what_a_migration_then_does(gateway: Gateway, newer: Path) -> None:
    wanted = [(one.step.name, one.action) for one in plan.planned(gateway, root=newer)]
    assert [(done.name, done.action) for done in migration.apply(gateway, root=newer)] == wanted
    assert plan.planned(gateway, root=newer) == []


@pytest.mark.parametrize("start", ["fresh", "upgrade"])
def test_psql_alone_in_the_order_of_the_plan_ends_like_a_migration(
    start: str, newer: Path, new_database: Callable[[str], str], template: str
) -> None:
    by_hand, migrated = (new_database("template1" if start == "fresh" else template) for _ in range(2))
    with Gateway(by_hand) as one, Gateway(migrated) as other:
        for planned in plan.planned(one, root=newer):
            done = psql(by_hand, planned.step.file.path, *BY_HAND)
            assert done.returncode == 0, done.stderr
        migration.apply(other, root=newer)
        assert picture(one) == picture(other)


def test_functions_run_by_hand_before_their_schema_are_refused(
    gateway: Gateway, database: str, newer: Path
) -> None:
    done = psql(database, newer / "iu-core/runtime/070_functions.sql", *BY_HAND)
    assert done.returncode == 3
    assert "step iu-core/990_new is not applied yet" in done.stderr
    assert "iu migrate --plan" in done.stderr


def test_a_step_run_by_hand_statement_by_statement_is_refused(
    gateway: Gateway, database: str, newer: Path
) -> None:
    done = psql(database, newer / "iu-core/runtime/990_new.sql", "-v", "ON_ERROR_STOP=1")
    assert done.returncode == 3
    assert "was not applied in one transaction" in done.stderr
    assert "psql -1" in done.stderr


def test_a_step_is_rolled_back_in_the_opposite_order(gateway: Gateway, newer: Path) -> None:
    (newer / "iu-core/rollback/990_new.sql").write_text(
        "drop table public.iu_new;\nselect public.fn_iu_step_forget('iu-core', '990_new');\n"
    )
    migration.apply(gateway, root=newer)
    undone = [result.name for result in migration.rollback(gateway, SCHEMA[-1], root=newer)]
    assert undone == [*reversed(AFTER), *reversed(FUNCTIONS), "990_new"]
    assert gateway.fetch_value("select to_regclass('public.iu_new')") is None


def test_functions_that_do_not_require_the_last_schema_step_are_refused(newer: Path) -> None:
    path = newer / "iu-core/runtime/070_functions.sql"
    path.write_text(path.read_text().replace(require("990_new"), require(SCHEMA[-1]), 1))
    with pytest.raises(StepRefused, match="does not require 990_new, the last schema step"):
        files.load_steps(newer)


def test_a_step_that_requires_a_later_one_is_refused(newer: Path) -> None:
    path = newer / "iu-core/runtime/020_gates.sql"
    path.write_text(path.read_text().replace("'010_roles_and_ledger')", "'040_routes')", 1))
    with pytest.raises(StepRefused, match="020_gates requires 040_routes, which is applied after it"):
        files.load_steps(newer)


def test_a_step_that_needs_functions_comes_after_them_whatever_its_number(
    gateway: Gateway, newer: Path, tree: Path
) -> None:
    (tree / "iu-core/runtime/992_switch.sql").write_text(
        f"{require(AFTER[-1])}\nselect public.fn_iu_gate_set('iu_core.stall_seconds', '600', 'step 992');\n"
    )
    files.stamp(tree)
    assert [step.name for step in files.load_steps(tree, [files.CORE])][-1] == "992_switch"
    assert [result.name for result in migration.apply(gateway, root=tree)][-1] == "992_switch"


def test_sql_and_python_have_one_rule_for_what_is_repeatable(gateway: Gateway) -> None:
    for name in ("070_functions", "991_functions", "071_functions_more", "020_gates", "991_functions_"):
        key = files.StepKey("iu-other", name)
        step = files.Step(files.StepFile("runtime", key, Path(f"{name}.sql"), ""), "", (), None)
        again = f"""select public.fn_iu_step_require('iu-core', '010_roles_and_ledger');
                    select public.fn_iu_step_record('iu-other', '{name}', repeat('1', 64));"""
        gateway.execute(
            """insert into public.iu_schema_step (module, step_name, checksum)
               values ('iu-other', %s, repeat('0', 64))""",
            (name,),
        )
        if step.is_repeatable:
            gateway.run_script(again)
        else:
            with pytest.raises(StepRefused, match="was changed after it was applied"):
                gateway.run_script(again)


def test_a_second_functions_step_is_repeatable_too(gateway: Gateway, newer: Path) -> None:
    path = newer / "iu-core/runtime/991_functions.sql"
    path.write_text(f"{require('990_new')}\nselect 1;\n")
    files.stamp(newer)
    migration.apply(gateway, root=newer)
    path.write_text(path.read_text().replace("select 1;", "select 2;"))
    files.stamp(newer)
    results = migration.apply(gateway, root=newer)
    assert [(result.name, result.action) for result in results] == [("991_functions", "reapplied")]


def test_a_function_without_a_file_is_dropped_by_the_next_migration(gateway: Gateway, newer: Path) -> None:
    migration.apply(gateway, root=newer)
    path = newer / "iu-core/runtime/070_functions.sql"
    path.write_text(path.read_text().replace("\\ir ../objects/fn_iu_new_count.sql\n", ""))
    (newer / "iu-core/objects/fn_iu_new_count.sql").unlink()
    (newer / "iu-core/objects/tables.sql").write_text(
        "select public.fn_iu_object_declare('iu-core', 'table', 'public.iu_new', 'state');\n"
    )
    path.write_text(path.read_text().replace("-- Gates.\n", "\\ir ../objects/tables.sql\n\n-- Gates.\n"))
    files.stamp(newer)
    (result,) = migration.apply(gateway, root=newer)
    assert any("dropped function public.fn_iu_new_count" in notice for notice in result.notices)
    assert gateway.fetch_value("select count(*) from pg_proc where proname = 'fn_iu_new_count'") == 0


def test_a_table_that_is_no_longer_declared_stops_the_migration(gateway: Gateway, newer: Path) -> None:
    migration.apply(gateway, root=newer)
    path = newer / "iu-core/objects/fn_iu_new_count.sql"
    path.write_text(re.sub(r"select public\.fn_iu_object_declare\('iu-core', 'table'.*\n", "", NEW_FUNCTION))
    files.stamp(newer)
    with pytest.raises(StepRefused, match=r"public\.iu_new is no longer declared"):
        migration.apply(gateway, root=newer)
    assert gateway.fetch_value("select count(*) from public.iu_new") == 0

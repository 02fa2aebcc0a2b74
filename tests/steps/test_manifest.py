"""Objects that a functions step declares are repaired while they are declared, and dropped afterwards."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import files, migration, verification
from iu_pipelines.errors import StepRefused
from proven import failed_lines

MODULE = "iu-example"
APPEND_ONLY = (
    "select count(*) from pg_trigger where tgname = 'trg_iu_append_only' and tgrelid = %(table)s::regclass"
)


def edit(path: Path, before: str, after: str) -> None:
    """Edit a file of a tree, and stamp the tree."""
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))
    files.stamp(next(parent for parent in path.parents if parent.name == "sql"))


def is_append_only(gateway: Gateway, table: str) -> bool:
    return bool(gateway.fetch_value(APPEND_ONLY, {"table": table}))


@pytest.fixture
def second(tree: Path) -> Path:
    """Add a second functions step to the core, with one function, and return the path of that function."""
    function = tree / "iu-core/objects/seconds/fn_iu_second.sql"
    function.parent.mkdir()
    function.write_text(
        """create or replace function public.fn_iu_second()
returns int
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select 2
$$;
comment on function public.fn_iu_second() is 'Two.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_second()', 'inspect');
"""
    )
    (last,) = re.findall(
        r"^select public\.fn_iu_step_require.*$",
        (tree / "iu-core/runtime/070_functions.sql").read_text(),
        re.MULTILINE,
    )
    step = tree / "iu-core/runtime/071_second_functions.sql"
    step.write_text(
        f"{last}\nselect public.fn_iu_step_require('iu-core', '070_functions');\n"
        "\\ir ../objects/seconds/fn_iu_second.sql\n"
    )
    (tree / "iu-core/verify/071_second_functions.sql").write_text(
        "select public.fn_iu_proof_note('it is', 'so', 'so');\n"
    )
    (tree / "iu-core/rollback/071_second_functions.sql").write_text(
        "select public.fn_iu_step_forget('iu-core', '071_second_functions');\n"
        "select public.fn_iu_module_drop('iu-core', '071_second_functions');\n"
    )
    files.stamp(tree)
    return function


def test_each_functions_step_keeps_and_drops_its_own_objects(
    gateway: Gateway, tree: Path, second: Path
) -> None:
    migration.apply(gateway, root=tree)
    assert failed_lines(verification.verify(gateway, root=tree)) == []
    edit(tree / "iu-core/objects/gates/fn_iu_gate_open.sql", "$$;", "-- changed\n$$;")
    assert [result.name for result in migration.apply(gateway, root=tree)] == ["070_functions"]
    edit(second, "select 2", "select 3 - 1")
    assert [result.name for result in migration.apply(gateway, root=tree)] == ["071_second_functions"]
    assert gateway.fetch_value("select public.fn_iu_second()") == 2
    assert failed_lines(verification.verify(gateway, root=tree)) == []
    second.write_text("")
    files.stamp(tree)
    (dropped,) = migration.apply(gateway, root=tree)
    assert dropped.notices == ("dropped function public.fn_iu_second(): the module no longer declares it",)


def test_a_functions_step_is_undone_without_the_other_one(gateway: Gateway, tree: Path, second: Path) -> None:
    migration.apply(gateway, root=tree)
    gateway.run_script((tree / "iu-core/rollback/071_second_functions.sql").read_text())
    assert gateway.fetch_value("select to_regproc('public.fn_iu_second')") is None
    second.parent.joinpath("fn_iu_second.sql").unlink()
    for kind in ("runtime", "verify", "rollback"):
        (tree / f"iu-core/{kind}/071_second_functions.sql").unlink()
    assert failed_lines(verification.verify(gateway, root=tree)) == []


def test_a_table_that_a_schema_step_drops_leaves_the_manifest(
    gateway: Gateway, tree: Path, add_step: Callable[[str, str], None]
) -> None:
    add_step("990_new", "create table public.iu_new (n int);\ncomment on table public.iu_new is 'New.';\n")
    line = "select public.fn_iu_object_declare('iu-core', 'table', 'public.iu_new', 'record');\n"
    tables = tree / "iu-core/objects/gates/tables.sql"
    tables.write_text(tables.read_text() + line)
    files.stamp(tree)
    migration.apply(gateway, root=tree)
    assert is_append_only(gateway, "public.iu_new")
    edit(tables, line, "")
    with pytest.raises(StepRefused, match=r"table public\.iu_new is no longer declared"):
        migration.apply(gateway, root=tree)
    add_step("991_old", "drop table public.iu_new;\n")
    migration.apply(gateway, root=tree)
    assert failed_lines(verification.verify(gateway, root=tree)) == []


def test_a_trigger_is_dropped_with_its_file_and_so_is_its_function(gateway: Gateway, tree: Path) -> None:
    contents = tree / "iu-core/runtime/070_functions.sql"
    edit(contents, "\\ir ../objects/units/trg_iu_unit_version_out.sql\n", "")
    migration.apply(gateway, root=tree)
    assert gateway.fetch_value("select to_regproc('public.fn_iu_unit_version_emit')") is None
    assert not gateway.fetch_value("select count(*) from pg_trigger where tgname = 'trg_iu_unit_version_out'")


def test_functions_that_use_each_other_are_dropped_together(gateway: Gateway, tree: Path) -> None:
    path = tree / "iu-core/objects/gates/fn_iu_gate_open.sql"
    text = path.read_text()
    more = "".join(
        f"create or replace function public.fn_iu_zz_{name}() returns int language sql immutable\n{body};\n"
        f"comment on function public.fn_iu_zz_{name}() is 'One.';\n"
        f"select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_zz_{name}()', 'inspect');\n"
        for name, body in (("a", "return 1"), ("b", "return public.fn_iu_zz_a()"))
    )
    path.write_text(text + more)
    files.stamp(tree)
    migration.apply(gateway, root=tree)
    assert gateway.fetch_value("select public.fn_iu_zz_b()") == 1
    path.write_text(text)
    files.stamp(tree)
    migration.apply(gateway, root=tree)
    assert not gateway.fetch_value(r"select count(*) from pg_proc where proname like 'fn\_iu\_zz%'")


def test_a_function_that_a_foreign_object_uses_is_not_dropped(gateway: Gateway, tree: Path) -> None:
    gateway.run_script("create view public.their_types as select public.fn_iu_gate_open('x') as is_open;")
    edit(tree / "iu-core/runtime/070_functions.sql", "\\ir ../objects/gates/fn_iu_gate_open.sql\n", "")
    with pytest.raises(StepRefused, match=r"other objects depend on .*their_types") as refused:
        migration.apply(gateway, root=tree)
    assert "CASCADE" not in str(refused.value.hint)
    assert gateway.fetch_value("select to_regproc('public.fn_iu_gate_open')")


def test_a_foreign_trigger_on_a_table_stops_its_rollback(gateway: Gateway) -> None:
    gateway.execute(
        """create trigger mine before delete on public.iu_route_dead_letter
           for each statement execute function public.fn_iu_append_only_refuse()"""
    )
    with pytest.raises(StepRefused, match=r"other objects depend on .*trigger mine"):
        migration.rollback(gateway, "060")
    assert gateway.fetch_value("select count(*) from pg_trigger where tgname = 'mine'") == 1


@pytest.mark.parametrize(
    "change",
    [
        "alter table public.unit_version disable trigger trg_iu_unit_version_out",
        "drop trigger trg_iu_unit_version_out on public.unit_version",
        """create or replace trigger trg_iu_gate_history after insert or delete or update on public.dot_config
           for each row when (false) execute function public.fn_iu_gate_history_record()""",
        """create or replace trigger trg_iu_route_version before insert on public.iu_outbound_route
           for each row execute function public.fn_iu_route_version_record()""",
        """create or replace trigger trg_iu_append_only before delete or update or truncate
           on public.event_outbox for each statement when (false)
           execute function public.fn_iu_append_only_refuse()""",
        """create or replace trigger trg_iu_append_only before delete or update of event_seq or truncate
           on public.event_outbox for each statement execute function public.fn_iu_append_only_refuse()""",
    ],
)
def test_a_trigger_that_differs_is_named_and_created_again(gateway: Gateway, tree: Path, change: str) -> None:
    gateway.execute(change)
    failed = " ".join(map(str, failed_lines(verification.verify(gateway))))
    assert "objects of the manifest that are missing" in failed
    assert ("append-only tables that let" in failed) == ("trg_iu_append_only" in change)
    edit(tree / "iu-core/objects/gates/fn_iu_gate_open.sql", "$$;", "-- changed\n$$;")
    migration.apply(gateway, root=tree)
    assert failed_lines(verification.verify(gateway, root=tree)) == []


def test_a_table_that_is_no_longer_a_record_loses_its_trigger(gateway: Gateway, root: Path) -> None:
    migration.apply(gateway, ["example"], root=root)
    assert is_append_only(gateway, "public.iu_example_note")
    edit(root / MODULE / "objects/notes/tables.sql", "'record'", "'state'")
    migration.apply(gateway, root=root)
    assert not is_append_only(gateway, "public.iu_example_note")
    assert failed_lines(verification.verify(gateway, root=root)) == []


def test_a_module_that_requires_only_a_schema_step_needs_the_functions_of_the_core_too(
    gateway: Gateway, root: Path
) -> None:
    edit(
        root / MODULE / "runtime/010_notes.sql", "('iu-core', '070_functions')", "('iu-core', '060_inbound')"
    )
    migration.apply(gateway, ["example"], root=root)
    with pytest.raises(StepRefused, match="070_functions cannot be rolled back before iu-example/070"):
        migration.rollback(gateway, "060", root=root)
    assert is_append_only(gateway, "public.iu_example_note")


def test_a_change_of_the_matrix_reaches_every_module(gateway: Gateway, root: Path) -> None:
    migration.apply(gateway, ["example"], root=root)
    access = root / "iu-core/objects/access.sql"
    line = "select public.fn_iu_access_declare('iu-core', 'record', 'iu_emitter', 'select');\n"
    access.write_text(access.read_text() + line)
    files.stamp(root)
    migration.apply(gateway, root=root)
    may = "select has_table_privilege('iu_emitter', 'public.iu_example_note', 'select')"
    assert gateway.fetch_value(may)
    assert failed_lines(verification.verify(gateway, root=root)) == []
    edit(access, line, "")
    migration.apply(gateway, root=root)
    assert not gateway.fetch_value(may)
    assert failed_lines(verification.verify(gateway, root=root)) == []


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "select public.fn_iu_access_declare('iu-example', 'record', 'workflow_admin', 'update');",
            "access 'record' of role workflow_admin belongs to another module",
        ),
        (
            "select public.fn_iu_object_declare('iu-exampel', 'table', 'public.iu_example_note', 'record');",
            "iu-example/070_functions declares objects of another module",
        ),
    ],
)
def test_a_module_may_declare_only_its_own_objects(
    gateway: Gateway, root: Path, line: str, message: str
) -> None:
    (root / MODULE / "objects/notes/tables.sql").write_text(f"{line}\n")
    files.stamp(root)
    with pytest.raises(StepRefused, match=message):
        migration.apply(gateway, ["example"], root=root)


def test_a_function_that_no_file_declares_is_named(gateway: Gateway, root: Path) -> None:
    path = root / MODULE / "objects/notes/fn_iu_example_note_add.sql"
    declaration = re.compile(r"^select public\.fn_iu_object_declare\(.*?\);\n", re.MULTILINE | re.DOTALL)
    path.write_text(declaration.sub("", path.read_text()))
    files.stamp(root)
    migration.apply(gateway, ["example"], root=root)
    (failed,) = failed_lines(verification.verify(gateway, root=root))
    assert "fn_iu_example_note_add: not declared" in str(failed)


def test_a_step_without_an_undo_is_refused_by_its_name(gateway: Gateway, root: Path) -> None:
    migration.apply(gateway, ["example"], root=root)
    (root / MODULE / "rollback/010_notes.sql").unlink()
    with pytest.raises(StepRefused, match="iu-example/010_notes has no rollback file") as refused:
        migration.rollback(gateway, "000", "example", root=root)
    assert "sql/iu-example/rollback/010_notes.sql" in str(refused.value.hint)


@pytest.mark.parametrize(("before", "within"), [("0", "300ms"), ("5s", "300ms"), ("100ms", "100ms")])
def test_a_step_waits_for_a_lock_at_most_300_ms_by_default(
    gateway: Gateway, before: str, within: str
) -> None:
    with gateway.transaction() as session:
        session.execute(f"set local lock_timeout = '{before}'")
        session.execute("select public.fn_iu_step_require('iu-core', '010_roles_and_ledger')")
        assert session.fetch_value("show lock_timeout") == within
        session.execute("set local iu.lock_timeout = '2s'; set local lock_timeout = 0")
        session.execute("select public.fn_iu_step_require('iu-core', '010_roles_and_ledger')")
        assert session.fetch_value("show lock_timeout") == "2s"

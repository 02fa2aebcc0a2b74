"""A second module has its own steps, manifest, proofs and rollback."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from by_hand import psql
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import files, migration, plan, verification
from iu_pipelines.errors import IuError, StepRefused, UsageError
from next_step import FUNCTIONS
from proven import failed_lines
from steps.schema_picture import picture

MODULE = "iu-example"
STEPS = ["iu-example/010_notes", "iu-example/070_functions"]
BY_HAND = ("-1", "-v", "ON_ERROR_STOP=1")
NAMESAKES = """
create table public.orders (id int primary key);
create function public.fn_iu_orders_note() returns trigger language plpgsql as $$ begin return null; end $$;
create trigger trg_iu_orders_note after insert on public.orders
for each row execute function public.fn_iu_orders_note();
create trigger trg_iu_orders_note after insert on public.unit_version
for each row execute function public.fn_iu_orders_note();
create function public.fn_iu_gate_open(key int) returns int language sql as 'select 1';
grant execute on function public.fn_iu_orders_note() to public;
"""
FOREIGN = """
select p.oid::regprocedure::text as name, p.proacl::text as acl, p.proowner::regrole::text as owner
from pg_proc as p
where p.proname = 'fn_iu_orders_note' or p.oid = to_regprocedure('public.fn_iu_gate_open(int)')
union all
select t.tgrelid::regclass::text, pg_get_triggerdef(t.oid), t.tgenabled::text
from pg_trigger as t where t.tgname = 'trg_iu_orders_note'
order by 1
"""


@pytest.fixture
def installed(gateway: Gateway, root: Path) -> Gateway:
    """Return a database with the core and the example module."""
    migration.apply(gateway, ["example"], root=root)
    return gateway


def ledger(gateway: Gateway) -> set[str]:
    return {str(key) for key in plan.read_ledger(gateway)}


def test_a_module_is_installed_only_when_it_is_asked_for(gateway: Gateway, root: Path) -> None:
    assert migration.apply(gateway, root=root) == []
    assert not any(state.name in STEPS for state in plan.states(gateway, root=root))
    results = migration.apply(gateway, ["example"], root=root)
    assert [(result.name, result.action) for result in results] == [(name, "applied") for name in STEPS]
    assert set(STEPS) <= ledger(gateway)


def test_an_unknown_module_is_refused_with_the_known_ones(gateway: Gateway, root: Path) -> None:
    with pytest.raises(UsageError, match="'frob'") as refused:
        migration.apply(gateway, ["frob"], root=root)
    assert str(refused.value.hint) == "Choose one of: iu-core, iu-delivery, iu-example."


def test_core_and_module_are_installed_in_one_go(empty_gateway: Gateway, root: Path) -> None:
    names = [result.name for result in migration.apply(empty_gateway, ["iu-example"], root=root)]
    assert names[-2:] == STEPS
    assert failed_lines(verification.verify(empty_gateway, root=root)) == []


def test_an_installed_module_is_included_from_then_on(installed: Gateway, root: Path, tree: Path) -> None:
    path = tree / MODULE / "objects/notes/fn_iu_example_note_add.sql"
    path.write_text(path.read_text().replace("Adds a note", "Adds one note"))
    files.stamp(tree)
    results = migration.apply(installed, root=root)
    assert [(result.name, result.action) for result in results] == [(STEPS[1], "reapplied")]


def test_a_new_schema_step_of_the_core_reapplies_its_functions_and_not_those_of_the_module(
    installed: Gateway, root: Path, add_step: Callable[[str, str], None]
) -> None:
    add_step("990_new", "create table public.iu_new (n int);\ndrop table public.iu_new;\n")
    results = migration.apply(installed, root=root)
    assert [(result.name, result.action) for result in results] == [
        ("990_new", "applied"),
        *((name, "reapplied") for name in FUNCTIONS),
    ]


def test_every_line_about_both_modules_passes_and_steps_are_named_with_their_module(
    installed: Gateway, root: Path
) -> None:
    proofs = verification.verify(installed, root=root)
    assert failed_lines(proofs) == []
    assert [proof.step for proof in proofs][-2:] == STEPS
    (only,) = verification.verify(installed, "iu-example/070", root=root)
    assert [line.name for line in only.lines][:3] == [
        "ledger",
        "functions and views that are not those of the file",
        "entries of the manifest that are not those of the files",
    ]
    assert failed_lines(verification.probe(installed, "iu-example/010", root=root)) == []


@pytest.mark.parametrize(
    ("breach", "line"),
    [
        ("grant select on public.iu_example_note to iu_emitter", "rights that differ from the matrix"),
        ("grant insert on public.iu_example_note to workflow_admin", "rights to write what only"),
        ("drop trigger trg_iu_append_only on public.iu_example_note", "append-only tables that let"),
        ("drop function public.fn_iu_example_note_add(text)", "objects of the manifest that are missing"),
        (
            "alter function public.fn_iu_example_note_add(text) security invoker",
            "functions and views that are not those",
        ),
        (
            "update public.iu_schema_object set access = 'inspect' where module = 'iu-example'",
            "entries of the",
        ),
    ],
)
def test_a_breach_in_a_module_fails_its_own_proof_and_no_other(
    installed: Gateway, root: Path, breach: str, line: str
) -> None:
    installed.execute(breach)
    proofs = verification.verify(installed, root=root)
    assert {proof.step for proof in proofs if not proof.passed} == {STEPS[1]}
    assert any(failed.name.startswith(line) for failed in failed_lines(proofs))


def test_rights_follow_the_matrix_of_the_core(installed: Gateway) -> None:
    rights = installed.fetch_all(
        """select object, (r).role_name || ' ' || (r).verb as may
             from public.iu_schema_object cross join lateral public.fn_iu_object_rights(kind, object) as r
            where module = 'iu-example' order by 1, 2"""
    )
    assert [(row["object"], row["may"]) for row in rights] == [
        ("public.fn_iu_example_note_add(text)", "workflow_admin execute"),
        ("public.iu_example_note", "iu_auditor select"),
        ("public.iu_example_note", "workflow_admin select"),
    ]


def test_a_module_is_rolled_back_alone_and_the_core_stays_as_it_was(gateway: Gateway, root: Path) -> None:
    before = picture(gateway)
    migration.apply(gateway, ["example"], root=root)
    undone = migration.rollback(gateway, "000", "example", root=root)
    assert [result.name for result in undone] == STEPS[::-1]
    assert picture(gateway) == before
    assert failed_lines(verification.verify(gateway, root=root)) == []


def test_a_module_is_rolled_back_to_one_of_its_steps(installed: Gateway, root: Path) -> None:
    undone = migration.rollback(installed, "010", "example", root=root)
    assert [result.name for result in undone] == [STEPS[1]]


def test_the_core_is_not_rolled_back_below_what_a_module_needs(installed: Gateway, root: Path) -> None:
    migration.rollback(installed, "080", root=root)
    before = picture(installed)
    with pytest.raises(
        StepRefused, match="070_functions cannot be rolled back before iu-example/070"
    ) as refused:
        migration.rollback(installed, "060", root=root)
    assert refused.value.hint == (
        "Module iu-example depends on it. Roll back that module first: iu rollback 000 --module iu-example"
    )
    assert picture(installed) == before
    migration.rollback(installed, "000", "example", root=root)
    assert migration.rollback(installed, "060", root=root)


def test_a_rollback_that_would_lose_rows_of_a_module_refuses(installed: Gateway, root: Path) -> None:
    installed.fetch_value("select public.fn_iu_example_note_add('kept')")
    with pytest.raises(IuError, match="would lose notes"):
        migration.rollback(installed, "000", "example", root=root)
    assert installed.fetch_value("select count(*) from public.iu_example_note") == 1


def test_foreign_objects_with_similar_names_survive_an_upgrade_and_both_rollbacks(
    installed: Gateway, root: Path, tree: Path
) -> None:
    installed.run_script(NAMESAKES)
    theirs = installed.fetch_all(FOREIGN)
    assert len(theirs) == 4
    path = tree / "iu-core/objects/gates/fn_iu_gate_open.sql"
    path.write_text(path.read_text() + "\n-- changed\n")
    files.stamp(tree)
    migration.apply(installed, root=root)
    assert installed.fetch_all(FOREIGN) == theirs
    migration.rollback(installed, "000", "example", root=root)
    migration.rollback(installed, "060", root=root)
    assert installed.fetch_all(FOREIGN) == theirs
    left = installed.fetch_all("select proname from pg_proc where proname like 'fn\\_iu\\_%'")
    ours = {row["proname"] for row in left} - {"fn_iu_orders_note", "fn_iu_gate_open"}
    assert {name.split("_")[2] for name in ours} == {"step", "module", "object", "objects", "proof"}


def test_a_rollback_refuses_while_a_foreign_object_uses_a_function_to_be_dropped(
    gateway: Gateway,
) -> None:
    gateway.run_script(
        """create table public.orders (id int primary key);
           create trigger their_own before delete on public.orders
           for each statement execute function public.fn_iu_append_only_refuse();"""
    )
    before = picture(gateway)
    with pytest.raises(StepRefused, match=r"other objects depend on .*: trigger their_own") as refused:
        migration.rollback(gateway, "060")
    assert "CASCADE" not in str(refused.value.hint)
    assert picture(gateway) == before


def test_a_module_cannot_take_an_object_of_the_core(gateway: Gateway, root: Path, tree: Path) -> None:
    path = tree / MODULE / "objects/notes/tables.sql"
    path.write_text(path.read_text().replace("public.iu_example_note", "public.dot_config"))
    files.stamp(tree)
    with pytest.raises(StepRefused, match=r"public\.dot_config belongs to another module"):
        migration.apply(gateway, ["example"], root=root)
    assert STEPS[1] not in ledger(gateway)


def test_steps_of_a_module_run_by_hand_with_psql_leave_the_same_trace(
    gateway: Gateway, database: str, root: Path, new_database: Callable[[str], str], template: str
) -> None:
    for step in files.load_steps(root, [MODULE]):
        done = psql(database, step.file.path, *BY_HAND)
        assert done.returncode == 0, done.stderr
    with Gateway(new_database(template)) as other:
        migration.apply(other, ["example"], root=root)
        assert picture(gateway) == picture(other)
    assert migration.apply(gateway, root=root) == []


def test_a_database_with_a_module_that_this_version_does_not_know_is_refused(
    installed: Gateway, tree: Path
) -> None:
    shutil.rmtree(tree / MODULE)
    with pytest.raises(StepRefused, match="does not know: iu-example/010_notes, iu-example/070_functions"):
        migration.apply(installed, root=tree)

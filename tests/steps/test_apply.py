"""Steps are applied once, in order, by one runner at a time, completely or not at all."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from by_hand import psql
from iu_pipelines.cli.main import run as iu
from iu_pipelines.db.embedded.server import EmbeddedServer
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import files, migration, plan, verification
from iu_pipelines.errors import IuError, StatementFailed, StepRefused
from iu_pipelines.settings import sql_root
from next_step import NAMES, SCHEMA
from proven import failed_lines
from steps.schema_picture import picture

BY_HAND = ("-1", "-v", "ON_ERROR_STOP=1")


def applied(gateway: Gateway) -> dict[str, str]:
    rows = gateway.fetch_all("select step_name, checksum from public.iu_schema_step order by applied_at")
    return {row["step_name"]: row["checksum"] for row in rows}


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_an_empty_database_has_every_step_pending(empty_gateway: Gateway) -> None:
    assert [(state.name, state.status) for state in plan.states(empty_gateway)] == [
        (name, "pending") for name in NAMES
    ]


def test_migrating_applies_every_step_in_order_and_records_it(empty_gateway: Gateway) -> None:
    seen: list[str] = []
    results = migration.apply(empty_gateway, on_step=lambda done: seen.append(done.name))
    assert [result.name for result in results] == seen == NAMES
    assert applied(empty_gateway) == {
        step.name: step.checksum for step in files.load_steps(sql_root(), [files.CORE])
    }


def test_migrating_twice_does_nothing_the_second_time(gateway: Gateway) -> None:
    before = picture(gateway)
    assert migration.apply(gateway) == []
    assert picture(gateway) == before
    assert {state.status for state in plan.states(gateway)} == {"applied"}


def test_a_step_edited_after_it_was_applied_is_refused_by_name(gateway: Gateway, tree: Path) -> None:
    edit(tree / "iu-core/runtime/020_gates.sql", "'false'", "'true'")
    files.stamp(tree)
    before = picture(gateway)
    with pytest.raises(StepRefused, match="changed after it was applied: 020_gates") as refused:
        migration.apply(gateway, root=tree)
    assert refused.value.code == "IU901"
    assert refused.value.hint
    assert picture(gateway) == before


def test_an_edited_step_whose_stamp_was_not_updated_is_refused(gateway: Gateway, tree: Path) -> None:
    edit(tree / "iu-core/runtime/020_gates.sql", "'false'", "'true'")
    with pytest.raises(StepRefused, match="stamp does not match the text of: 020_gates"):
        migration.apply(gateway, root=tree)


def test_the_repeatable_step_is_applied_again_when_its_text_changed(gateway: Gateway, tree: Path) -> None:
    comment = "\ncomment on function public.fn_iu_gate_set(text, text, text) is 'changed';\n"
    path = tree / "iu-core/objects/gates/fn_iu_gate_set.sql"
    path.write_text(path.read_text() + comment)
    files.stamp(tree)
    results = migration.apply(gateway, root=tree)
    assert [(result.name, result.action) for result in results] == [("070_functions", "reapplied")]
    assert migration.apply(gateway, root=tree) == []
    said = gateway.fetch_value(
        "select obj_description('public.fn_iu_gate_set(text, text, text)'::regprocedure)"
    )
    assert said == "changed"


def test_a_failing_step_leaves_nothing_behind_and_the_steps_before_it_stay(
    empty_gateway: Gateway, tree: Path, add_step: Callable[[str, str], None]
) -> None:
    add_step("990_before", "create table public.iu_before (n int);\n")
    add_step("991_fails", "create table public.iu_leftover (n int);\nselect 1 / 0;\n")
    with pytest.raises(StatementFailed, match="division by zero") as failed:
        migration.apply(empty_gateway, root=tree)
    assert failed.value.__notes__ == ["iu-core/runtime/991_fails failed and was rolled back"]
    assert list(applied(empty_gateway)) == [*SCHEMA, "990_before"]
    assert empty_gateway.fetch_value("select to_regclass('public.iu_leftover')") is None


def test_two_runners_at_once_apply_each_step_once(empty_database: str) -> None:
    def migrate(_: int) -> list[str]:
        with Gateway(empty_database) as gateway:
            return [result.name for result in migration.apply(gateway)]

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(migrate, range(4)))
    assert sorted(done, key=len) == [[], [], [], NAMES]


def test_existing_tables_with_the_same_names_are_refused_by_name(empty_gateway: Gateway) -> None:
    empty_gateway.execute("create table public.event_outbox (mine int)")
    empty_gateway.execute("create table public.dot_config (mine int)")
    with pytest.raises(StepRefused, match="already contains dot_config, event_outbox") as refused:
        migration.apply(empty_gateway)
    assert refused.value.code == "IU901"
    assert refused.value.hint
    found = empty_gateway.fetch_all(
        "select relname::text from pg_class where relnamespace = 'public'::regnamespace"
    )
    assert sorted(row["relname"] for row in found) == ["dot_config", "event_outbox"]


def test_a_partly_applied_schema_with_a_foreign_table_is_refused(gateway: Gateway) -> None:
    migration.rollback(gateway, "050")
    gateway.execute("create table public.information_unit (mine int)")
    before = picture(gateway)
    with pytest.raises(StepRefused, match="already contains information_unit"):
        migration.apply(gateway)
    assert picture(gateway) == before


def test_an_existing_table_with_the_name_of_the_ledger_is_refused(empty_gateway: Gateway) -> None:
    empty_gateway.execute("create table public.iu_schema_step (mine int)")
    with pytest.raises(StepRefused, match="already contains iu_schema_step"):
        migration.apply(empty_gateway)


def test_a_database_with_steps_of_a_newer_version_is_refused(gateway: Gateway) -> None:
    gateway.execute(
        """insert into public.iu_schema_step (module, step_name, checksum)
           values ('iu-core', '999_future', repeat('0', 64))"""
    )
    with pytest.raises(StepRefused, match="does not know: 999_future"):
        migration.apply(gateway)
    assert plan.states(gateway)[-1].status == "unknown"


def test_steps_run_by_hand_with_psql_leave_the_same_trace(
    empty_gateway: Gateway, empty_database: str, gateway: Gateway
) -> None:
    for step in files.load_steps(sql_root(), [files.CORE]):
        done = psql(empty_database, step.file.path, *BY_HAND)
        assert done.returncode == 0, done.stderr
    assert applied(empty_gateway) == applied(gateway)
    assert picture(empty_gateway) == picture(gateway)
    assert migration.apply(empty_gateway) == []


def test_a_step_run_by_hand_out_of_order_is_refused(empty_gateway: Gateway, empty_database: str) -> None:
    psql(empty_database, sql_root() / "iu-core/runtime/010_roles_and_ledger.sql", *BY_HAND)
    done = psql(empty_database, sql_root() / "iu-core/runtime/040_routes.sql", *BY_HAND)
    assert done.returncode == 3
    assert "is not applied yet" in done.stderr
    assert list(applied(empty_gateway)) == ["010_roles_and_ledger"]


@pytest.fixture
def installer(own_server: EmbeddedServer) -> Callable[[str], Gateway]:
    """Return a function that makes a login with the given attributes and its database, in a new cluster."""

    def make(attributes: str) -> Gateway:
        with Gateway(own_server.ensure_running()) as gateway:
            gateway.execute(f"create role ann login password 'ann' {attributes}")
            gateway.execute("create database anns owner ann")
        return Gateway(as_ann(own_server.url("anns")))

    return make


def as_ann(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://ann:ann@{rest.rpartition('@')[2]}"


def test_an_installer_who_may_not_create_roles_is_refused_with_the_roles_named(
    installer: Callable[[str], Gateway],
) -> None:
    with installer("") as ann:
        with pytest.raises(IuError) as refused:
            migration.apply(ann)
        assert refused.value.code == "IU901"
        assert "iu_owner" in f"{refused.value.message} {refused.value.hint}"
        assert "--without-roles" in str(refused.value.hint)
        assert picture(ann)["relations"] == []


def test_without_roles_the_installer_owns_everything_and_the_proofs_hold(
    installer: Callable[[str], Gateway],
) -> None:
    with installer("") as ann:
        results = migration.apply(ann, without_roles=True)
        assert any("roles not created" in notice for result in results for notice in result.notices)
        assert {row["relowner"] for row in picture(ann)["relations"]} == {"ann"}
        assert failed_lines(verification.verify(ann)) == []
        assert ann.fetch_value("select count(*) from pg_roles where rolname like 'iu\\_%'") == 0


def test_the_command_line_says_which_roles_were_left_out(
    installer: Callable[[str], Gateway], capsys: pytest.CaptureFixture[str]
) -> None:
    with installer("") as ann:
        assert iu(["migrate", "--database-url", ann.url]) == 1
        assert "--without-roles" in capsys.readouterr().err
        assert iu(["migrate", "--without-roles", "--database-url", ann.url]) == 0
        said = capsys.readouterr().out
        assert "roles not created: iu_owner, iu_emitter, workflow_admin, iu_auditor" in said


def test_without_roles_public_has_no_privileges(
    installer: Callable[[str], Gateway], own_server: EmbeddedServer
) -> None:
    with installer("") as ann:
        migration.apply(ann, without_roles=True)
        with Gateway(own_server.url("anns")) as superuser:
            superuser.execute("create role bob")
            assert superuser.fetch_value(_OF_ANYBODY) == 0
            superuser.execute("grant select on public.event_outbox to public")
            assert superuser.fetch_value(_OF_ANYBODY) == 1


_OF_ANYBODY = """
select
    (
        select count(*) from pg_class as c
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v')
            and has_table_privilege('bob', c.oid, 'select, insert, update, delete')
    ) + (
        select count(*) from pg_proc as p
        where p.pronamespace = 'public'::regnamespace and has_function_privilege('bob', p.oid, 'execute')
    )
"""


def test_an_installation_without_roles_stays_so_if_the_roles_are_created_later(
    installer: Callable[[str], Gateway], own_server: EmbeddedServer, tree: Path
) -> None:
    with installer("") as ann, Gateway(own_server.url("iu")) as superuser:
        migration.apply(ann, without_roles=True)
        for role in ("iu_owner", "iu_emitter", "workflow_admin", "iu_auditor"):
            superuser.execute(f"create role {role}")
        path = tree / "iu-core/objects/gates/fn_iu_gate_set.sql"
        path.write_text(path.read_text() + "\n-- changed\n")
        files.stamp(tree)
        assert [result.name for result in migration.apply(ann, root=tree)] == ["070_functions"]
        assert {row["relowner"] for row in picture(ann)["relations"]} == {"ann"}


def test_an_installer_who_may_create_roles_needs_no_more(installer: Callable[[str], Gateway]) -> None:
    with installer("createrole") as ann:
        assert [result.name for result in migration.apply(ann)] == NAMES
        assert failed_lines(verification.verify(ann)) == []


def test_a_lock_of_another_session_ends_a_migration_with_its_name(
    database: str, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migration, "_MIGRATION_LOCK_WAIT", "200ms")
    with Gateway(database, application_name="a stranger") as stranger, stranger.transaction() as session:
        session.execute("select pg_advisory_xact_lock(%(key)s)", {"key": migration._LOCK_KEY})
        for act in (partial(migration.apply, gateway), partial(migration.rollback, gateway, "080")):
            with pytest.raises(IuError) as held:
                act()
            assert held.value.code == "55P03"
            assert "a stranger" in (held.value.hint or "")
    assert migration.apply(gateway) == []


def id_default(gateway: Gateway) -> str:
    return str(
        gateway.fetch_value(
            "select pg_get_expr(d.adbin, d.adrelid) from pg_attrdef as d "
            "inner join pg_attribute as a on a.attrelid = d.adrelid and a.attnum = d.adnum "
            "where d.adrelid = 'public.event_outbox'::regclass and a.attname = 'event_id'"
        )
    )


def test_after_an_upgrade_of_the_server_the_functions_are_applied_again(gateway: Gateway) -> None:
    """After pg_upgrade the default is that of the older server, and so is the ledger."""
    wanted = id_default(gateway)
    gateway.execute("alter table public.event_outbox alter column event_id set default gen_random_uuid()")
    gateway.execute("update public.iu_schema_step set server_major = server_major - 1")
    states = {state.name: state.status for state in plan.states(gateway)}
    assert {name for name, status in states.items() if status != "applied"} == {"070_functions"}
    failed = failed_lines(verification.verify(gateway, "030"))
    assert [line.name for line in failed] == ["default of event_id"]
    results = migration.apply(gateway)
    assert [(result.name, result.action) for result in results] == [("070_functions", "reapplied")]
    assert id_default(gateway) == wanted
    assert failed_lines(verification.verify(gateway, "030")) == []
    assert migration.apply(gateway) == []

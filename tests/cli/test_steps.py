"""`iu migrate`, `iu verify`, `iu probe`, `iu rollback` and `iu steps`."""

from __future__ import annotations

import json
import shlex
import threading
from pathlib import Path

import psycopg
import pytest

from cli.emitting import emit
from cli.running import Done, Iu, in_terminal, shell
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import files
from iu_pipelines.settings import sql_root

NAMES = [step.name for step in files.load_steps(sql_root(), [files.CORE])]


def test_migrate_applies_every_step_and_says_so(empty_iu: Iu) -> None:
    done = empty_iu("migrate")
    assert (done.code, done.err) == (0, "")
    assert all(name in done.out for name in NAMES)
    assert done.out.splitlines()[-1] == (
        f"{len(NAMES)} steps applied, 9 checks passed; all {len(NAMES)} steps are applied. Next: iu status"
    )
    assert not {"PASS", "summary", "{"} & {*done.out.split()}
    again = empty_iu("migrate")
    assert (again.code, again.out) == (0, "Steps: every step is already applied\n")


def test_migrate_shows_each_line_of_a_step_only_with_verbose_or_json(empty_iu: Iu) -> None:
    done = empty_iu("migrate", "--verbose")
    assert "090_route_worker_enable: summary {" in done.out
    assert done.out.count(": PASS L") == 9
    empty_iu("rollback", "080")
    steps = empty_iu("migrate", "--json").json
    assert sum(notice.startswith("PASS L") for step in steps for notice in step["notices"]) == 9


def test_migrate_shows_what_is_notable_without_verbose(empty_iu: Iu) -> None:
    empty_iu("migrate")
    emit(empty_iu)
    assert empty_iu("rollback", "080").out.endswith("2 steps rolled back.\n")
    done = empty_iu("migrate").out
    assert "090_route_worker_enable: events were waiting: 1 read" in done
    assert "PASS" not in done


def test_a_migration_whose_check_fails_shows_the_failed_line(iu: Iu, gateway: Gateway) -> None:
    iu("rollback", "090")
    gateway.execute("alter table public.iu_outbound_route drop constraint dry_run_is_enforced")
    done = iu("migrate")
    assert done.code == 1
    assert "FAIL L4" in done.err
    assert "PASS" not in done.err
    assert "hint:" in done.err


def test_migrate_in_json_lists_the_applied_steps(empty_iu: Iu) -> None:
    done = empty_iu("migrate", "--json")
    assert [step["name"] for step in done.json] == NAMES
    assert empty_iu("migrate", "--json").json == []


def test_migrate_that_waits_for_a_lock_prints_only_its_result(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as owner, psycopg.connect(database) as reader:
        owner.execute("drop trigger trg_iu_unit_version_out on public.unit_version")
        owner.execute(
            "update public.iu_schema_step set checksum = repeat('0', 64) where step_name = '070_functions'"
        )
        reader.execute("lock table public.unit_version in row exclusive mode")
        end_of_lock = threading.Timer(2.5, reader.commit)
        end_of_lock.start()
        done = shell("migrate", "--json", "--database-url", database)
        end_of_lock.join()
    assert (done.returncode, done.stderr) == (0, "")
    (step,) = json.loads(done.stdout)
    assert (step["name"], step["action"]) == ("070_functions", "reapplied")
    assert step["seconds"] > 0.3


def test_the_plan_changes_nothing_and_names_the_steps_and_files_in_order(empty_iu: Iu) -> None:
    planned = empty_iu("migrate", "--plan", "--json").json
    assert [(step["module"], step["name"], step["action"]) for step in planned] == [
        ("iu-core", name, "applied") for name in NAMES
    ]
    said = empty_iu("migrate", "--plan").out
    assert said.index("The same with psql") < said.index("020_gates.sql") < said.index("070_functions.sql")
    assert f"psql -1 -v ON_ERROR_STOP=1 -f {shlex.quote(planned[0]['file'])}" in said
    assert {step["status"] for step in empty_iu("steps", "list", "--json").json} == {"pending"}
    empty_iu("migrate")
    assert empty_iu("migrate", "--plan").out == "Plan: every step is already applied\n"


def test_the_files_of_a_plan_are_below_the_path_that_is_printed_for_psql(empty_iu: Iu) -> None:
    printed = empty_iu("sql", "path")
    assert (printed.code, printed.out, printed.err) == (0, f"{sql_root()}\n", "")
    assert empty_iu("sql", "path", "--json").json == {"path": str(sql_root())}
    planned = empty_iu("migrate", "--with", "delivery", "--plan", "--json").json
    for step in planned:
        assert step["file"] == f"{printed.out.strip()}/{step['module']}/runtime/{step['name']}.sql"


def test_the_path_for_psql_needs_no_database_and_is_one_line_in_a_narrow_terminal(tmp_path: Path) -> None:
    assert in_terminal(20, "sql", "path", IU_HOME=str(tmp_path / "none")) == f"{sql_root()}\r\n"
    assert not (tmp_path / "none").exists()


def test_an_unknown_module_is_refused_and_the_known_ones_are_named(empty_iu: Iu) -> None:
    for words in (("migrate", "--with", "frob"), ("rollback", "000", "--module", "frob")):
        done = empty_iu(*words)
        assert done.code == 2
        assert "no such module: 'frob'" in done.err
        assert "iu-core" in done.err


def test_migrate_is_refused_where_a_table_of_its_name_exists(empty_iu: Iu, empty_gateway: Gateway) -> None:
    empty_gateway.execute("create table public.event_outbox (mine int)")
    done = empty_iu("migrate")
    assert done.code == 1
    assert "event_outbox" in done.err
    assert "hint:" in done.err


def refuse_every_table(gateway: Gateway, using: str) -> None:
    """Make every `create table` fail with `undefined_table`, the error of a missing table."""
    gateway.run_script(
        f"""
        create schema test;
        create function test.refuse() returns event_trigger language plpgsql as $$
        begin
            raise undefined_table using message = 'relation "x" does not exist' {using};
        end
        $$;
        create event trigger refuse on ddl_command_end when tag in ('CREATE TABLE')
            execute function test.refuse();
        """
    )


def test_migrate_that_fails_has_no_hint_to_migrate(empty_iu: Iu, empty_gateway: Gateway) -> None:
    refuse_every_table(empty_gateway, "")
    done = empty_iu("migrate")
    assert (done.code, done.out) == (1, "")
    assert 'relation "x" does not exist' in done.err
    assert f"runtime/{NAMES[0]} failed and was rolled back" in done.err
    assert "iu migrate" not in done.err
    assert empty_iu("migrate", "--json").error["hint"] is None
    assert {step["status"] for step in empty_iu("steps", "list", "--json").json} == {"pending"}


def test_migrate_that_fails_keeps_the_hint_of_the_server(empty_iu: Iu, empty_gateway: Gateway) -> None:
    refuse_every_table(empty_gateway, ", hint = 'Perhaps you meant y.'")
    done = empty_iu("migrate", "--json")
    assert (done.code, done.error["code"], done.error["hint"]) == (1, "42P01", "Perhaps you meant y.")
    assert done.error["notes"] == [f"iu-core/runtime/{NAMES[0]} failed and was rolled back"]


def test_verify_passes_after_a_full_install(iu: Iu) -> None:
    done = iu("verify")
    assert done.code == 0
    assert done.out.rstrip().endswith("0 failed")
    assert "FAIL" not in done.out
    one = iu("verify", "040", "--json").json
    assert (one["passed"], [proof["step"] for proof in one["proofs"]]) == (True, ["040_routes"])


def test_verify_exits_with_1_and_shows_the_line_that_failed(iu: Iu, gateway: Gateway) -> None:
    gateway.execute("alter table public.iu_outbound_route drop constraint dry_run_is_enforced")
    done = iu("verify")
    assert done.code == 1
    assert "FAIL" in done.out
    assert iu("verify", "--json").json["passed"] is False


def health_lines(done: Done) -> list[str]:
    """Return the names of the workers whose health the proofs of a JSON answer are about."""
    names = [line["name"] for proof in done.json["proofs"] for line in proof["lines"]]
    return [name.removeprefix("health of ") for name in names if name.startswith("health of ")]


def test_verify_proves_the_health_of_the_named_worker_or_else_of_the_configured_one(
    iu: Iu, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert health_lines(iu("verify", "100", "--json")) == ["iu_outbound_default"]
    monkeypatch.setenv("IU_WORKER_NAME", "night")
    assert health_lines(iu("verify", "100", "--json")) == ["night"]
    named = iu("verify", "100", "--worker", "one", "--worker", "two", "--json")
    assert health_lines(named) == ["one", "two"]


def test_probe_prints_the_lines_of_several_probes(iu: Iu) -> None:
    done = iu("probe")
    assert (done.code, done.err) == (0, "")
    for line in ("P0", "P9", "POST-ROLLBACK", "E.3", "E.9"):
        assert line in done.out


def test_rollback_undoes_every_step_after_the_named_one(iu: Iu) -> None:
    done = iu("rollback", "080", "--json")
    assert [step["name"] for step in done.json] == NAMES[: NAMES.index("080_route_worker_disable") : -1]
    assert iu("rollback", "080").out == "Steps: no step after 080 is applied\n"
    assert iu("status").code == 1
    assert iu("migrate").code == 0


def test_rollback_that_would_lose_events_undoes_no_step(iu: Iu) -> None:
    emit(iu)
    done = iu("rollback", "020")
    assert done.code == 1
    assert "so no step was rolled back" in done.err
    assert "hint:" in done.err
    assert iu("status").code == 0


def test_steps_are_listed_and_their_stamps_checked(iu: Iu) -> None:
    assert [step["status"] for step in iu("steps", "list", "--json").json] == ["applied"] * len(NAMES)
    assert NAMES[0] in iu("steps", "list").out
    done = iu("steps", "stamp", "--check")
    assert (done.code, done.out) == (0, "every stamp is current\n")
    assert iu("steps", "stamp", "--check", "--json").json == {"stale": [], "written": False}

"""Each command succeeds for the roles that docs/operate/roles.md names, and for no other; with passwords."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import typer

import pages
import servers
from cli import delivery_commands
from dev_server import Dev
from engine.sessions import Session, drain, emit_many, make_live, opened, value
from iu_pipelines.cli.main import build_app
from iu_pipelines.cli.main import run as iu
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import migration

SUBJECT = "00000000-0000-4000-8000-000000000001"
PASSWORD = "a/password:with@signs %"
DOCUMENT = Path(__file__).parents[2] / "docs" / "operate" / "roles.md"

COMMANDS = {
    "iu types": ["types"],
    "iu emit": ["emit", "version_applied", "A", "--subject", SUBJECT, "--actor", "t"],
    "iu ingest git": ["ingest", "git", "{repository}"],
    "iu status": ["status"],
    "iu metrics": ["metrics"],
    "iu wait": ["wait", "--timeout", "1"],
    "iu why": ["why", "{event}"],
    "iu event list": ["event", "list"],
    "iu event show": ["event", "show", "{event}"],
    "iu steps list": ["steps", "list"],
    "iu gate show": ["gate", "show"],
    "iu route list": ["route", "list"],
    "iu worker list": ["worker", "list"],
    "iu worker add": ["worker", "add", "w.{login}", "--domain", "shop"],
    "iu worker retire": ["worker", "retire", "w.retired", "--reason", "a test"],
    "iu batch list": ["batch", "list"],
    "iu batch show": ["batch", "show", "1"],
    "iu audit": ["audit"],
    "iu audit verify": ["audit", "verify"],
    "iu audit export": ["audit", "export", "--output", "{repository}.csv", "--force"],
    "iu tail": ["tail", "--attempts", "--seconds", "0"],
    "iu verify": ["verify"],
    "iu run": ["run"],
    "iu seek": ["seek", "beginning", "--reason", "a test"],
    "iu replay": ["replay", "{letter}"],
    "iu discard": ["discard", "{letter}", "--reason", "a test"],
    "iu gate set": ["gate", "set", "iu_core.stall_seconds", "300", "--reason", "a test"],
    "iu type list": ["type", "list"],
    "iu type show": ["type", "show", "version_applied"],
    "iu type add": ["type", "add", "a_{login}", "--any-payload-key"],
    "iu type disable": ["type", "disable", "sql_link_created", "--reason", "a test"],
    "iu type enable": ["type", "enable", "sql_link_created"],
    "iu route show": ["route", "show", "iu.version_applied.workflow"],
    "iu route add": ["route", "add", "a.{login}", "version_applied"],
    "iu route set": ["route", "set", "iu.version_applied.workflow", "--target-ref", "event_outbox"],
    "iu route remove": ["route", "remove", "gone.{login}", "--reason", "a test"],
    "iu route disable": ["route", "disable", "iu.structure_piece_split.workflow"],
    "iu route enable": ["route", "enable", "iu.structure_piece_split.workflow"],
    "iu capture list": ["capture", "list"],
    "iu capture show": ["capture", "show", "iu_sql.iu_sql_link.insert"],
    "iu capture add": [
        "capture",
        "add",
        "c.{login}",
        "--table",
        "public.information_unit",
        "--on",
        "insert",
        "--event-type",
        "version_applied",
        "--subject",
        "unit_id",
        "--address",
        "{{canonical_address}}",
    ],
    "iu capture set": ["capture", "set", "iu_sql.iu_sql_link.insert", "--mode", "dry_run"],
    "iu capture remove": ["capture", "remove", "gone.{login}", "--reason", "a test"],
    "iu probe": ["probe"],
    "iu plan": ["plan", "{outbox}"],
    "iu simulate": ["simulate", "{outbox}"],
    "iu export": ["export"],
    "iu apply": ["apply", "{outbox}.{login}", "--yes", "--reason", "a test"],
    "iu retention show": ["retention", "show"],
    "iu retention run": ["retention", "run"],
    "iu evidence": ["evidence", "--out", "{repository}-pack"],
    "iu evidence --no-probes": ["evidence", "--no-probes", "--out", "{repository}-read"],
    "iu rollback": ["rollback", "090"],
}
OF_NO_ROLE = {
    "iu demo",
    "iu dev",
    "iu stop",
    "iu exec",
    "iu doctor",
    "iu fleet status",
    "iu migrate",
    "iu steps stamp",
    "iu sql path",
    "iu evidence verify",
    "iu schema",
    "iu target inbox-sql",
}
"""Commands that need no role, or more than one. The page describes `iu migrate`, `iu dev` and `iu doctor`.

`iu fleet status` needs one in each database; `tests/cli/test_fleet.py` tries it.
"""

LOGINS = (
    "iu_emitter", "iu_auditor", "workflow_admin", "iu_owner", "iu_approver", "iu_sender", "nobody",
)  # fmt: skip


@pytest.fixture(scope="module")
def installed(shared: Path) -> Iterator[dict[str, str]]:
    """Return the URL, a repository, a letter and an event. The server asks for passwords (scram)."""
    home = Path(tempfile.mkdtemp(prefix="roles-", dir=shared))
    server = servers.make(home)
    try:
        url = server.ensure_running()
        with Gateway(url) as gateway:
            migration.apply(gateway, ["delivery"])
        with opened(url) as (session,):
            letter = _make_letter(session)
            event = str(value(session, "select event_id from public.event_outbox limit 1"))
            for role in LOGINS:
                member = "" if role == "nobody" else f" in role {role}"
                session.execute(f"create role {role}_login login password '{PASSWORD}'{member}".encode())
                session.execute(
                    "insert into public.iu_outbound_route (route_code, event_type, target_kind, target_ref) "
                    f"values ('gone.{role.replace('_', '')}', 'version_applied', 'workflow', 'x')".encode()
                )
                session.execute(
                    "insert into public.iu_inbound_route (route_code, source_table, source_op, "
                    f"target_event_type) values ('gone.{role.replace('_', '')}', 'iu_sql_link', 'insert', "
                    "'version_applied')".encode()
                )
        yield {
            "url": url,
            "repository": str(_make_repository(home / "repository")),
            "outbox": str(_make_files(home / "outbox.yaml")),
            "letter": letter,
            "event": event,
        }
    finally:
        server.stop()
        shutil.rmtree(home)


def _make_letter(session: Session) -> str:
    make_live(session, "iu.structure_piece_split.workflow")
    emit_many(session, 1, "structure_piece_split")
    drain(session, "iu_outbound_default")
    value(session, "select public.fn_iu_route_worker_add('w.retired', 'shop', 'a test')")
    session.execute("update public.iu_outbound_route set dry_run = true")
    session.execute("alter table public.iu_outbound_route add constraint dry_run_is_enforced check (dry_run)")
    return str(value(session, "select dead_letter_id from public.iu_route_dead_letter"))


def _make_files(place: Path) -> Path:
    """Write an outbox file that a new database fits, and for each login one that adds a type."""
    place.write_text("workers: {iu_outbound_default: {domain: iu}}", encoding="utf-8")
    for role in LOGINS:
        login = role.replace("_", "")
        text = f"event_types: {{of.{login}: {{subject_table: t, payload_keys: any}}}}"
        place.with_name(f"{place.name}.{login}").write_text(text, encoding="utf-8")
    return place


def _make_repository(place: Path) -> Path:
    git = ["git", "-C", str(place), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", "init", "-q", str(place)], check=True)
    for text in ("one", "two"):
        (place / "file").write_text(text, encoding="utf-8")
        subprocess.run([*git, "add", "file"], check=True)
        subprocess.run([*git, "commit", "-qm", text], check=True)
    return place


def documented() -> dict[str, set[str]]:
    """Return the table of the page: for each command the roles that may run it."""
    rows = re.findall(r"^\| `(iu [^`]+)` \|(.*)\|$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    columns = LOGINS[:-1]
    return {
        command: {role for role, cell in zip(columns, cells.split("|"), strict=True) if cell.strip() == "yes"}
        for command, cells in rows
    }


def every_command(group: typer.Typer, *words: str) -> Iterator[str]:
    for command in group.registered_commands:
        name = command.name or getattr(command.callback, "__name__", "").replace("_", "-")
        yield " ".join(("iu", *words, name))
    for inner in group.registered_groups:
        assert inner.typer_instance
        if inner.typer_instance.registered_callback:
            yield " ".join(("iu", *words, str(inner.name)))
        yield from every_command(inner.typer_instance, *words, str(inner.name))


def test_the_document_speaks_of_every_command_tried_here() -> None:
    assert set(documented()) == set(COMMANDS) | set(delivery_commands.COMMANDS)


def test_every_command_there_is_has_its_role() -> None:
    tried = {command.partition(" --")[0] for command in (*COMMANDS, *delivery_commands.COMMANDS)}
    assert set(every_command(build_app())) - OF_NO_ROLE == tried


@pytest.mark.parametrize("login", LOGINS)
def test_a_login_can_do_the_work_of_its_role_and_nothing_else(
    installed: dict[str, str],
    login: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    where = urlsplit(installed["url"])
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    url = where._replace(netloc=f"{login}_login@{where.hostname}:{where.port}").geturl()
    monkeypatch.setenv("IU_DATABASE_URL", url)
    allowed = documented()
    for command, words in COMMANDS.items():
        if command == "iu rollback" and login == "iu_owner":
            continue
        code = iu([word.format(login=login.replace("_", ""), **installed) for word in words] + ["--json"])
        said = capsys.readouterr()
        if login in allowed[command]:
            assert code == 0, f"{command}: {said.err or said.out}"
        else:
            assert code == 1, command
            error = json.loads(said.err)["error"]
            assert error["code"] == "42501", f"{command}: {error}"
            assert error["hint"], command
        assert PASSWORD not in said.out + said.err


def test_dagster_runs_as_workflow_admin_and_says_what_it_may_not(
    installed: dict[str, str], tmp_path: Path
) -> None:
    where = urlsplit(installed["url"])
    with opened(installed["url"]) as (session,):
        for statement in pages.code("docs/operate/roles.md", "The login of Dagster", "sql"):
            named = statement.replace("app_dagster", "iu_dagster").replace("dagster_login", _LOGIN)
            session.execute(named.encode())
    login = where._replace(netloc=f"workflow_admin_login@{where.hostname}:{where.port}")
    jobs = ("route_worker_job", "dead_letter_replay_job", "health_audit_job", "evidence_job")
    done = subprocess.run(
        [sys.executable, "-c", _EXECUTE, *jobs],
        env={
            **os.environ,
            "IU_HOME": str(tmp_path),
            "PGPASSWORD": PASSWORD,
            "IU_DATABASE_URL": login.geturl(),
        },
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    said = json.loads(done.stdout.splitlines()[-1])
    assert [said[job] for job in jobs[:3]] == [None, None, None]
    assert "must be owner of the objects that the probes alter; the owner is iu_owner" in said["evidence_job"]
    assert "Set probes: false in the config of iu_evidence" in said["evidence_job"]
    assert "iu verify" not in said["evidence_job"]
    assert said["evidence_job without probes"] is None
    with opened(where._replace(path="/iu_dagster").geturl()) as (session,):
        checks = value(session, _CHECKS)
    assert len(checks) > 10
    assert {name for name, status in checks.items() if status != "SUCCEEDED"} == set()


def test_iu_dev_runs_as_workflow_admin_and_says_where_it_may_not_keep_its_runs(
    installed: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = urlsplit(installed["url"])
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    login = where._replace(netloc=f"{_LOGIN}@{where.hostname}:{where.port}")
    monkeypatch.setenv("IU_DATABASE_URL", login.geturl())
    with opened(installed["url"]) as (session,):
        session.execute("drop database if exists iu_dagster with (force)")
        with pytest.raises(AssertionError, match="may not create the database iu_dagster"):
            Dev(tmp_path / "refused").start()
        session.execute(f"create database iu_dagster owner {_LOGIN}".encode())
        dev = Dev(tmp_path / "home")
        dev.start()
        try:
            assert dev.ask("{ version }")["version"]
        finally:
            assert PASSWORD not in dev.stop()
    with opened(where._replace(path="/iu_dagster").geturl()) as (session,):
        assert value(session, _MADE_BY) == [_LOGIN]


_LOGIN = "workflow_admin_login"
_MADE_BY = "select array_agg(distinct tableowner::text) from pg_tables where schemaname = 'public'"
_CHECKS = """
select jsonb_object_agg(check_name, execution_status order by id) from asset_check_executions
"""

_EXECUTE = """
import json, sys
from iu_pipelines.hosting.run_in_process import execute
ended = {job: execute(job) for job in sys.argv[1:]}
ended["evidence_job without probes"] = execute("evidence_job", {"probes": False})
print(json.dumps({job: None if run.success else run.error or 'failed' for job, run in ended.items()}))
"""


def test_the_logins_are_made_as_the_document_shows(installed: dict[str, str]) -> None:
    statements = re.findall(r"^create role .*?;$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(statements) >= 3
    with opened(installed["url"]) as (session,), session.transaction(force_rollback=True):
        for statement in statements:
            session.execute(statement.encode())

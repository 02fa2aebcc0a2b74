"""The checks of a database: each finding is provoked on a real server."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

import servers
from emit import bouncer
from iu_pipelines.cli.main import run as iu
from iu_pipelines.db.embedded.server import EmbeddedServer
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import migration
from iu_pipelines.domain import doctor
from iu_pipelines.domain.doctor import database as checked
from iu_pipelines.domain.doctor import sessions
from iu_pipelines.domain.doctor.database import SCHEMA, SERVER
from iu_pipelines.domain.doctor.findings import Checks, Finding, Verdict, finding, load_checks
from iu_pipelines.errors import StatementFailed, UsageError

load_checks(doctor)

NOT_VISIBLE = {
    "schema.steps", "roles.public", "schema.objects", "schema.rights", "schema.writers", "schema.append_only",
    "schema.triggers", "schema.captures", "schema.values",
}  # fmt: skip
"""The findings that only a reader of the tables of iu gets."""


def examined(url: str) -> dict[str, Finding]:
    found = list(checked.examine(url))
    assert len({one.id for one in found}) == len(found)
    return {one.id: one for one in found}


def levels(found: dict[str, Finding]) -> dict[str, str]:
    return {one.id: one.level for one in found.values()}


@pytest.fixture(scope="module")
def own_home(shared: Path) -> Iterator[EmbeddedServer]:
    """Yield a migrated server of this module, whose roles and settings tests may change."""
    home = Path(tempfile.mkdtemp(prefix="doctor-", dir=shared))
    server = servers.make(home, {**servers.FAST, "max_prepared_transactions": "5", "max_connections": "20"})
    try:
        with Gateway(server.ensure_running()) as gateway:
            migration.apply(gateway)
        yield server
    finally:
        server.stop()
        shutil.rmtree(home)


@pytest.fixture
def own(own_home: EmbeddedServer) -> str:
    return own_home.ensure_running()


def execute(url: str, *statements: str) -> None:
    with Gateway(url) as gateway:
        for statement in statements:
            gateway.execute(statement)


@contextmanager
def changed(url: str, change: str, undo: str) -> Iterator[None]:
    execute(url, change)
    try:
        yield
    finally:
        execute(url, undo)


@contextmanager
def login(url: str, name: str, *grants: str) -> Iterator[str]:
    """Create a login with a password and yield its URL."""
    parts = urlsplit(url)
    execute(url, f"create role {name} login password 'secret of {name}'", *grants)
    try:
        host = f"{parts.hostname}:{parts.port}"
        yield parts._replace(netloc=f"{name}:secret%20of%20{name}@{host}").geturl()
    finally:
        execute(url, f"drop owned by {name}", f"drop role {name}")


def test_a_new_database_has_no_problem(database: str) -> None:
    found = examined(database)
    assert {one.id for one in found.values() if one.level == "problem"} == set()
    registered = {identifier for checks in (SERVER, SCHEMA) for identifier, _ in checks}
    registered = {identifier for identifier in registered if not identifier.startswith("delivery.")}
    assert set(found) == registered | {"server.reachable", "schema.steps"}


def test_an_empty_database_is_one_problem_with_what_to_run(empty_database: str) -> None:
    found = examined(empty_database)
    assert [one.id for one in found.values() if one.level == "problem"] == ["schema.steps"]
    assert found["schema.steps"].hint == "Run: iu migrate"
    assert not set(found) & {identifier for identifier, _ in SCHEMA}


def test_a_server_that_is_down_is_one_finding_without_the_password() -> None:
    (found,) = checked.examine("postgresql://ann:s3cret@127.0.0.1:1/none")
    assert (found.id, found.level) == ("server.reachable", "problem")
    assert "no server is listening" in found.found
    assert "s3cret" not in f"{found}"


def test_a_server_that_stops_meanwhile_ends_the_findings(own_home: EmbeddedServer) -> None:
    findings = checked.examine(own_home.ensure_running())
    assert next(findings).id == "server.reachable"
    own_home.stop()
    try:
        (last,) = findings
        assert (last.id, last.level) == ("server.stays", "problem")
    finally:
        own_home.ensure_running()


def test_a_login_without_rights_is_told_what_it_may_not_see(own: str) -> None:
    with login(own, "nobody_here") as url:
        found = examined(url)
    assert {one.id for one in found.values() if one.found.startswith("not visible")} == NOT_VISIBLE
    assert {found[identifier].level for identifier in NOT_VISIBLE} == {"note"}
    assert {one.id for one in found.values() if one.level == "problem"} == set()
    assert found["roles.login"].level == "warning"
    assert "member of no role" in found["roles.login"].found
    assert "secret" not in f"{found}"


def test_nothing_is_written_by_any_check(database: str) -> None:
    """The broken variant: a check that writes fails, because its transaction is read-only."""

    def writing(asked: checked.Asked) -> Verdict:
        asked.queries.execute("create table public.left_behind (id int)")
        return Verdict("ok", "written")

    broken: Checks[checked.Asked] = Checks()
    broken("server.writes")(writing)
    with Gateway(database) as gateway:
        (found,) = checked._findings(gateway, broken, checked._asked(gateway, False))
        assert found.found == "cannot execute CREATE TABLE in a read-only transaction"
        assert gateway.fetch_value("select to_regclass('public.left_behind')") is None


def test_a_password_in_a_verdict_or_an_error_is_hidden() -> None:
    def refuse() -> Verdict:
        raise UsageError(
            "postgresql://ann:hidden@db/app is invalid", hint="Not postgresql://ann:hidden@db/app."
        )

    shown = Verdict("note", "postgresql://ann:hidden@db/app", "Use postgresql://ann:hidden@db/app")
    found = [*finding("a.verdict", lambda: shown), *finding("an.error", refuse)]
    assert [one.level for one in found] == ["note", "problem"]
    assert "hidden" not in f"{found}"


def test_a_check_that_raises_is_a_finding_and_the_others_follow(database: str) -> None:
    checks: Checks[checked.Asked] = Checks()
    checks("a.broken")(lambda asked: Verdict("ok", str(1 / 0)))
    checks("a.whole")(lambda asked: Verdict("ok", "fine"))
    with Gateway(database) as gateway:
        found = list(checked._findings(gateway, checks, checked._asked(gateway, False)))
    assert [(one.id, one.level) for one in found] == [("a.broken", "problem"), ("a.whole", "ok")]
    assert "ZeroDivisionError" in found[0].found


@pytest.mark.parametrize(
    ("name", "level"),
    [("iu_auditor", "ok"), ("workflow_admin", "ok"), ("iu_emitter", "ok"), ("iu_owner", "warning")],
)
def test_the_login_is_reported_with_its_role(own: str, name: str, level: str) -> None:
    with login(own, f"a_{name}", f"grant {name} to a_{name}") as url:
        found = examined(url)["roles.login"]
    assert found.level == level
    assert f"a_{name} is a member of {name}" in found.found


def test_a_superuser_is_a_warning_except_on_the_embedded_server(own: str) -> None:
    assert examined(own)["roles.login"].level == "warning"
    found = {one.id: one for one in checked.examine(own, is_embedded=True)}
    assert found["roles.login"].level == "ok"


def test_two_logins_that_own_the_schema_are_a_warning(own: str) -> None:
    with login(own, "first_owner", "grant iu_owner to first_owner"):
        assert examined(own)["roles.members"].level == "ok"
        with login(own, "second_owner", "grant iu_owner to second_owner"):
            found = examined(own)["roles.members"]
    assert (found.level, "first_owner, second_owner" in found.found) == ("warning", True)


def test_an_approver_that_also_delivers_is_a_warning(
    new_database: Callable[[str], str], delivery_template: str
) -> None:
    url = new_database(delivery_template)
    assert "approving_service" not in examined(url)["roles.approvers"].found
    with login(url, "approving_service", "grant iu_approver, iu_sender to approving_service"):
        found = examined(url)["roles.approvers"]
    assert (found.level, "approving_service approves" in found.found) == ("warning", True)


def test_a_group_role_that_can_log_in_is_a_problem(own: str) -> None:
    with changed(own, "alter role iu_emitter login", "alter role iu_emitter nologin"):
        found = examined(own)["roles.exist"]
    assert (found.level, "iu_emitter can log in" in found.found) == ("problem", True)


def test_a_group_role_that_may_not_use_the_schema_is_a_problem(own: str) -> None:
    revoke = "revoke usage on schema public from public, iu_auditor"
    with changed(own, revoke, "grant usage on schema public to public, iu_auditor"):
        found = examined(own)["roles.exist"]
    assert (found.level, found.found) == (
        "problem",
        "group roles may not use the schema public: iu_auditor",
    )
    assert found.hint == "Let the owner of the schema run: grant usage on schema public to iu_auditor"


def test_a_missing_group_role_is_a_problem(own: str) -> None:
    rename = "alter role {} rename to {}"
    with changed(own, rename.format("iu_auditor", "was"), rename.format("was", "iu_auditor")):
        found = examined(own)["roles.exist"]
    assert (found.level, "iu_auditor" in found.found) == ("problem", True)


def test_a_database_installed_without_roles_is_a_note(empty_database: str) -> None:
    with Gateway(empty_database) as gateway:
        migration.apply(gateway, without_roles=True)
    found = examined(empty_database)
    assert found["roles.exist"].level == "note"
    assert {one.id for one in found.values() if one.level == "problem"} == set()


@pytest.mark.parametrize(
    ("identifier", "word", "change"),
    [
        ("schema.dry_run", "is missing", "alter table iu_outbound_route drop constraint dry_run_is_enforced"),
        (
            "schema.values",
            "= 'x', set by",
            "update dot_config set value = 'x' where key = 'iu_core.routes_enabled'",
        ),
        ("schema.row_security", "event_outbox", "alter table event_outbox enable row level security"),
        ("schema.row_security", "iu_schema_step", "alter table iu_schema_step force row level security"),
        ("schema.triggers", "trg_iu_append_only", "alter table event_outbox disable trigger all"),
        ("schema.append_only", "event_outbox", "alter table event_outbox disable trigger all"),
        ("schema.rights", "iu_emitter may select", "grant select on event_outbox to iu_emitter"),
        ("schema.writers", "workflow_admin: update", "grant update on event_outbox to workflow_admin"),
        ("schema.objects", "fn_iu_retention_days", "drop function fn_iu_retention_days cascade"),
        ("schema.functions", "fn_iu_gate_open", "alter function fn_iu_gate_open rename to fn_iu_gate_shut"),
        ("roles.public", "select public.event_outbox", "grant select on event_outbox to public"),
        ("settings.isolation", "repeatable read", "{} default_transaction_isolation = 'repeatable read'"),
        ("settings.replication_role", "= replica", "{} session_replication_role = replica"),
        ("settings.timeouts", "statement_timeout = 15000 ms", "{} statement_timeout = '15s'"),
        ("settings.durability", "synchronous_commit = off", "{} synchronous_commit = off"),
        ("server.writable", "default_transaction_read_only", "{} default_transaction_read_only = on"),
    ],
)
def test_a_change_is_found(database: str, identifier: str, word: str, change: str) -> None:
    before = examined(database)[identifier]
    execute(database, change.format(f"alter database {urlsplit(database).path.lstrip('/')} set"))
    found = examined(database)[identifier]
    if identifier != "settings.durability":  # the servers of the tests run without fsync
        assert before.level == "ok"
    assert found.level not in {"ok"}
    assert word in found.found
    assert word not in before.found
    assert found.hint


def test_an_edited_function_is_found_by_a_login_without_rights(database: str) -> None:
    with Gateway(database) as gateway:
        text = gateway.fetch_value("select pg_get_functiondef('public.fn_iu_gate_open'::regproc)")
        gateway.execute(text.replace("AS $function$", "AS $function$ /* edited */"))
    found = examined(database)["schema.functions"]
    assert (found.level, found.found) == ("problem", "not those of the files: fn_iu_gate_open")


def test_an_edited_function_of_a_capture_is_a_problem(database: str) -> None:
    words = ("--table", "public.information_unit", "--on", "insert", "--event-type", "version_applied")
    subject = ("--subject", "unit_id", "--address", "{canonical_address}", "--database-url", database)
    assert iu(["capture", "add", "a.capture", *words, *subject]) == 0
    assert examined(database)["schema.captures"].level == "ok"
    with Gateway(database) as gateway:
        text = gateway.fetch_value(
            r"select pg_get_functiondef(oid) from pg_proc where proname ~ '^fn_iu_capture_\d+$'"
        )
        gateway.execute(text.replace("AS $function$", "AS $function$ /* edited */"))
    found = examined(database)["schema.captures"]
    assert (found.level, "a.capture (another body)" in found.found) == ("problem", True)
    execute(database, "alter table information_unit rename canonical_address to place")
    found = examined(database)["schema.captures"]
    said = "a.capture (reads columns that public.information_unit does not have: canonical_address)"
    assert (found.level, found.found) == ("problem", said)


def test_the_hint_for_a_disabled_trigger_enables_it(database: str) -> None:
    execute(database, "alter table event_outbox disable trigger user")
    hint = examined(database)["schema.triggers"].hint or ""
    for statement in hint.partition("runs: ")[2].split("; "):
        assert statement.startswith("alter table event_outbox enable trigger trg_")
        execute(database, statement)
    assert examined(database)["schema.triggers"].level == "ok"


def test_a_step_that_was_edited_after_it_was_applied_is_a_problem(database: str) -> None:
    execute(database, f"update iu_schema_step set checksum = '{0:064}' where step_name = '040_routes'")
    found = examined(database)["schema.steps"]
    assert (found.level, "040_routes (edited)" in found.found) == ("problem", True)
    assert "upgrade.md" in (found.hint or "")


def test_the_settings_are_those_of_another_client_and_not_those_of_iu(database: str) -> None:
    name = urlsplit(database).path.lstrip("/")
    execute(database, f"alter database {name} set default_transaction_isolation = 'serializable'")
    with Gateway(database) as gateway:
        assert gateway.fetch_value("show default_transaction_isolation") == "read committed"
    assert examined(database)["settings.isolation"].level == "warning"


@contextmanager
def idle_in_transaction(url: str, *, writing: bool) -> Iterator[int]:
    with psycopg.connect(url) as session:
        session.execute("create table written (id int)" if writing else "select 1")
        yield session.info.backend_pid
        session.rollback()


@contextmanager
def working(url: str) -> Iterator[int]:
    with psycopg.connect(url, autocommit=True) as session:
        session.pgconn.send_query(b"select pg_sleep(60)")
        yield session.info.backend_pid
        session.cancel()
        while session.pgconn.get_result():
            pass


@pytest.mark.parametrize(("writing", "level"), [(True, "problem"), (False, "warning")])
def test_a_session_that_is_idle_in_a_transaction_is_found_by_its_age(
    own: str, writing: bool, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with idle_in_transaction(own, writing=writing) as pid:
        assert examined(own)["sessions.idle_in_transaction"].level == "ok"
        monkeypatch.setattr(sessions, "WARNING_SECONDS", 0.0)
        assert examined(own)["sessions.idle_in_transaction"].level == "warning"
        monkeypatch.setattr(sessions, "PROBLEM_SECONDS", 0.0)
        found = examined(own)["sessions.idle_in_transaction"]
    assert found.level == level
    assert f"pid {pid} of postgres" in found.found
    assert f"pg_terminate_backend({pid})" in (found.hint or "")


def test_a_long_statement_is_a_warning(own: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "WARNING_SECONDS", 0.0)
    with working(own) as pid:
        found = examined(own)["sessions.long_transactions"]
    assert (found.level, f"pid {pid} of postgres" in found.found) == ("warning", True)


@contextmanager
def locked(url: str, table: str) -> Iterator[tuple[int, int]]:
    """Lock a table, and let another session wait for it; yield the process ids of both."""
    with psycopg.connect(url) as holder, psycopg.connect(url, application_name="waiter") as waiter:
        holder.execute(f"lock table {table} in access exclusive mode".encode())
        waiter.pgconn.send_query(f"select count(*) from {table}".encode())
        until = time.monotonic() + 20
        while time.monotonic() < until:
            if holder.execute("select from pg_locks where not granted").fetchall():
                break
        yield holder.info.backend_pid, waiter.info.backend_pid
        holder.rollback()
        while waiter.pgconn.get_result():
            pass


def test_a_session_that_waits_for_a_lock_is_found_with_the_one_that_holds_it(
    own: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with locked(own, "iu_route_worker_cursor") as (holder, waiter):
        assert examined(own)["sessions.blocked"].level == "ok"
        monkeypatch.setattr(sessions, "BLOCKED_SECONDS", 0.0)
        found = examined(own)["sessions.blocked"]
        monkeypatch.setattr(sessions, "BLOCKED_PROBLEM_SECONDS", 0.0)
        assert examined(own)["sessions.blocked"].level == "problem"
        with login(own, "blind_to_locks") as url:
            unseen = examined(url)["sessions.blocked"].found
    assert found.level == "warning"
    for words in (
        f"pid {waiter} of postgres (waiter) waits ",
        f"for AccessShareLock of iu_route_worker_cursor, blocked by {holder}",
        f"pid {holder} is of postgres (unnamed), idle in transaction, its transaction began ",
    ):
        assert words in found.found
    assert f"select pg_terminate_backend({holder});" in (found.hint or "")
    assert f"blocked by {holder}" in unseen
    assert "what it does is not visible to this login" in unseen


def test_sessions_of_others_are_counted_for_a_login_that_cannot_see_them(
    own: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "WARNING_SECONDS", 0.0)
    with login(own, "blind") as url, idle_in_transaction(own, writing=False):
        found = examined(url)["sessions.idle_in_transaction"]
        assert (found.level, "that this login cannot see" in found.found) == ("note", True)
        execute(own, "grant pg_read_all_stats to blind")
        assert examined(url)["sessions.idle_in_transaction"].level == "warning"


def test_a_prepared_transaction_is_found_by_its_age(own: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with psycopg.connect(own, autocommit=True) as session:
        session.execute("begin; create table prepared (id int); prepare transaction 'left'")
    try:
        assert examined(own)["sessions.prepared"].level == "note"
        monkeypatch.setattr(sessions, "WARNING_SECONDS", 0.0)
        assert examined(own)["sessions.prepared"].level == "warning"
        monkeypatch.setattr(sessions, "PROBLEM_SECONDS", 0.0)
        found = examined(own)["sessions.prepared"]
        assert (found.level, "'left'" in found.found) == ("problem", True)
    finally:
        execute(own, "rollback prepared 'left'")
    assert examined(own)["sessions.prepared"].level == "ok"


def test_an_idle_replication_slot_is_a_warning(own: str) -> None:
    drop = "select pg_drop_replication_slot('left_slot')"
    with changed(own, "select pg_create_physical_replication_slot('left_slot', true)", drop):
        found = examined(own)["server.slots"]
    assert (found.level, "left_slot keeps" in found.found) == ("warning", True)


def test_many_connections_are_a_warning(own: str) -> None:
    with ExitStack() as several:
        for _ in range(13):
            several.enter_context(psycopg.connect(own))
        assert examined(own)["server.connections"].level == "ok"
        for _ in range(3):
            several.enter_context(psycopg.connect(own))
        assert examined(own)["server.connections"].level == "warning"


def test_autovacuum_that_is_off_is_a_warning(own: str) -> None:
    with changed(own, "alter system set autovacuum = off", "alter system reset autovacuum"):
        execute(own, "select pg_reload_conf()", "select pg_sleep(0.5)")
        assert examined(own)["settings.autovacuum"].level == "warning"
    execute(own, "select pg_reload_conf()")


def test_a_limit_of_idle_transactions_is_ok(own: str) -> None:
    assert examined(own)["sessions.idle_timeout"].level == "note"
    set_it = "alter role postgres set idle_in_transaction_session_timeout = '5min'"
    with changed(own, set_it, "alter role postgres reset idle_in_transaction_session_timeout"):
        assert examined(own)["sessions.idle_timeout"].level == "ok"


def test_another_encoding_is_a_warning(own: str) -> None:
    create = "create database latin encoding 'LATIN1' template template0 locale 'C'"
    with changed(own, create, "drop database latin"):
        found = examined(urlsplit(own)._replace(path="/latin").geturl())["server.encoding"]
    assert (found.level, "LATIN1" in found.found) == ("warning", True)


def test_a_collation_of_another_version_is_a_warning(own: str) -> None:
    with Gateway(own) as gateway:
        if gateway.server_version() < 150_000:
            pytest.skip("PostgreSQL 14 records no version of a database's collation")
        try:
            gateway.execute(
                "create database collated locale_provider icu icu_locale 'en' encoding 'UTF8' "
                "template template0"
            )
        except StatementFailed as error:
            if error.code == "0A000":
                pytest.skip("these programs of PostgreSQL were built without ICU")
            raise
        try:
            url = urlsplit(own)._replace(path="/collated").geturl()
            assert examined(url)["server.encoding"].level == "ok"
            gateway.execute("update pg_database set datcollversion = 'before' where datname = 'collated'")
            found = examined(url)["server.encoding"]
            assert (found.level, "before" in found.found) == ("warning", True)
        finally:
            gateway.execute("drop database collated with (force)")


@pytest.mark.skipif(bouncer.PROGRAM is None, reason="PgBouncer is not installed")
def test_a_pooler_is_noticed(database: str, shared: Path) -> None:
    assert examined(database)["server.pooler"].level == "ok"
    with bouncer.in_front_of(database, shared) as url:
        found = examined(url)
    assert found["server.pooler"].level == "note"
    assert {one.id for one in found.values() if one.level == "problem"} == set()


def test_a_standby_is_a_problem(own_home: EmbeddedServer, shared: Path) -> None:
    own = own_home.ensure_running()
    home = Path(tempfile.mkdtemp(prefix="standby-", dir=shared))
    standby = servers.make(home, {**servers.FAST, "max_prepared_transactions": "5", "hot_standby": "on"})
    try:
        _copy_as_standby(own_home, home, own)
        found = examined(standby.ensure_running())
    finally:
        standby.stop()
        shutil.rmtree(home)
    assert (found["server.writable"].level, "standby" in found["server.writable"].found) == ("problem", True)
    assert found["schema.steps"].level == "ok"
    assert "server.stays" not in found


def _copy_as_standby(source: EmbeddedServer, home: Path, url: str) -> None:
    source.stop()
    subprocess.run(["cp", "-a", f"{source.home}/.", str(home)], check=True)
    source.ensure_running()
    (home / "postgres" / "data" / "standby.signal").touch()
    owner = (home / "postgres" / "data").stat()
    shutil.chown(home / "postgres" / "data" / "standby.signal", owner.st_uid, owner.st_gid)


def test_every_check_has_a_test_that_provokes_it() -> None:
    files = (Path(__file__), Path(__file__).parents[1] / "delivery/test_doctor.py")
    text = "".join(file.read_text(encoding="utf-8") for file in files)
    of_all: list[str] = [identifier for checks in (SERVER, SCHEMA) for identifier, _ in checks]
    unprovoked = {"server.version", "server.size", "settings.jit"}  # only report a value
    assert [one for one in of_all if f'"{one}"' not in text and one not in unprovoked] == []

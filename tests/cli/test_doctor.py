"""`iu doctor` and `iu wait`."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from cli.running import Iu, in_terminal
from iu_pipelines.db.embedded.server import EmbeddedServer
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import migration
from iu_pipelines.domain.doctor.findings import Finding


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IU_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def findings(answer: object) -> dict[str, Finding]:
    assert isinstance(answer, dict)
    return {one["id"]: Finding(**one) for one in answer["findings"]}


def test_doctor_of_a_migrated_database_exits_with_0_and_writes_nothing(iu: Iu, home: Path) -> None:
    done = iu("doctor", "--all")
    assert (done.code, done.err) == (0, "")
    for words in ("server.reachable", "schema.dry_run", "port.web", "disk.home", " 0 problems"):
        assert words in done.out
    assert not home.exists()


def test_doctor_of_an_empty_database_exits_with_1_and_says_what_to_run(empty_iu: Iu) -> None:
    done = empty_iu("doctor")
    assert done.code == 1
    assert "Run: iu migrate" in done.out
    assert "1 problem," in done.out


def test_the_worst_findings_are_first_and_those_that_are_ok_are_counted(iu: Iu, gateway: Gateway) -> None:
    gateway.execute("alter table iu_outbound_route drop constraint dry_run_is_enforced")
    done = iu("doctor")
    order = ("problem", "warning", "note", "ok")
    shown = re.findall(rf"^ (?:level +)?({'|'.join(order)})\b", done.out, re.MULTILINE)
    assert shown == sorted(shown, key=order.index)
    assert shown[0] == "problem"
    assert "ok" not in shown
    every = iu("doctor", "--json").json["findings"]
    fine = sum(one["level"] == "ok" for one in every)
    assert fine > 10
    assert done.out.rstrip().endswith(f", {fine} ok (iu doctor --all)")
    assert "schema.row_security" not in done.out
    assert "schema.row_security" in iu("doctor", "--all").out


def test_doctor_goes_on_if_the_database_is_down(no_iu: Iu) -> None:
    done = no_iu("doctor", "--json")
    assert done.code == 1
    found = findings(done.json)
    assert [one.id for one in found.values() if one.level == "problem"] == ["server.reachable"]
    assert {"python.version", "disk.home", "port.web"} < set(found)
    assert done.json["passed"] is False


def test_doctor_prints_no_secret(command: Iu, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = {
        "IU_DATABASE_URL": f"{database}&password=hidden1"
        if "?" in database
        else f"{database}?password=hidden1",
        "IU_DAGSTER_DATABASE_URL": "postgresql://ann:hidden2@127.0.0.1:1/dagster",
        "IU_NOTIFY_URL": "https://example.org/hidden3",
        "IU_EVIDENCE_STORE": "s3://key:hidden4@bucket/evidence",
        "IU_DATABASE_URI": "postgresql://ann:hidden5@127.0.0.1:1/other",
    }
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    for words in (("doctor", "--all"), ("doctor", "--json")):
        done = command(*words)
        assert "IU_NOTIFY_URL=***" in done.out
        assert "hidden" not in done.out + done.err


def test_doctor_names_the_setting_that_a_misspelled_variable_meant(
    iu: Iu, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("IU_TEST_")]:
        monkeypatch.delenv(name)
    assert findings(iu("doctor", "--json").json)["environment.variables"].level == "ok"
    monkeypatch.setenv("IU_OF_A_PROGRAM", "1")
    assert findings(iu("doctor", "--json").json)["environment.variables"].level == "note"
    monkeypatch.setenv("IU_WORKERNAME", "x")
    found = findings(iu("doctor", "--json").json)["environment.variables"]
    assert found.level == "warning"
    assert "IU_WORKERNAME (did you mean IU_WORKER_NAME?)" in found.found


def test_doctor_reports_an_invalid_setting(iu: Iu, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IU_BATCH_LIMIT", "many")
    done = iu("doctor", "--json")
    found = findings(done.json)
    assert (done.code, found["environment.settings"].level) == (1, "problem")
    assert "IU_BATCH_LIMIT = 'many' is not a whole number" in found["environment.settings"].found
    assert "python.version" in found


def test_doctor_starts_no_embedded_server(command: Iu, home: Path) -> None:
    done = command("doctor", "--json")
    found = findings(done.json)["server.reachable"]
    assert (found.level, "is not running" in found.found) == ("note", True)
    assert not home.exists()


def test_doctor_examines_an_embedded_server_that_runs(
    command: Iu, own_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IU_HOME", str(own_server.home))
    own_server.ensure_running()
    found = findings(command("doctor", "--json").json)
    assert found["server.reachable"].level == "ok"
    assert found["roles.login"].level == "ok"
    assert found["schema.steps"].hint == "Run: iu migrate"


def test_doctor_names_who_has_taken_the_port(iu: Iu) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = findings(iu("doctor", "--port", str(port), "--json").json)["port.web"]
    assert found.level == "warning"
    assert f"port {port} is taken by process {os.getpid()} (" in found.found
    assert "iu dev --port PORT" in (found.hint or "")


def test_doctor_is_readable_in_a_narrow_terminal(empty_database: str) -> None:
    shown = in_terminal(60, "doctor", "--database-url", empty_database)
    assert max(len(line.rstrip()) for line in shown.splitlines()) <= 60
    assert "Run: iu migrate" in shown


def test_wait_returns_at_once_for_a_database_that_is_ready(iu: Iu) -> None:
    done = iu("wait", "--timeout", "0")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("ready after ")
    assert iu("wait", "--json").json["ready"] is True


def test_wait_ends_with_what_was_missing_after_the_timeout(no_iu: Iu, empty_iu: Iu) -> None:
    started = time.monotonic()
    done = no_iu("wait", "--timeout", "1")
    assert 0.5 < time.monotonic() - started < 8
    assert done.code == 1
    assert "waiting: cannot connect to postgresql://127.0.0.1:1/none" in done.out
    assert "not ready after 1 seconds: cannot connect" in done.err
    assert "hint:  Start the server" in done.err
    done = empty_iu("wait", "--timeout", "0.5")
    assert done.code == 1
    assert "steps are not applied: 010_roles_and_ledger" in done.err
    assert "iu migrate" in done.err


def test_wait_for_the_connection_alone_ignores_the_steps(empty_iu: Iu) -> None:
    assert empty_iu("wait", "--no-migrated", "--timeout", "0").code == 0


def test_wait_ends_when_another_process_has_migrated(empty_database: str) -> None:
    waiting = _start("wait", "--timeout", "120", "--database-url", empty_database)
    assert waiting.stdout
    assert "steps are not applied" in waiting.stdout.readline()
    assert waiting.poll() is None
    with Gateway(empty_database) as gateway:
        migration.apply(gateway)
    rest, _ = waiting.communicate(timeout=60)
    assert waiting.returncode == 0
    assert rest.splitlines()[-1].startswith("ready after ")


def test_wait_ends_when_a_server_was_started(own_server: EmbeddedServer) -> None:
    url = own_server.ensure_running()
    own_server.stop()
    waiting = _start("wait", "--no-migrated", "--timeout", "120", "--database-url", url)
    assert waiting.stdout
    assert "no server is listening" in waiting.stdout.readline()
    own_server.ensure_running()
    waiting.communicate(timeout=60)
    assert waiting.returncode == 0


@pytest.fixture
def asking_server(own_server: EmbeddedServer) -> str:
    """Return the URL of a server that asks for a password."""
    return own_server.ensure_running()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda url: re.sub(":[^:@]+@", ":wrong@", url), "28P01"),
        (lambda url: re.sub("/iu[?]", "/none?", url), "3D000"),
        (lambda url: re.sub("//postgres:", "//nobody:", url), "28P01"),
    ],
)
def test_wait_ends_at_once_for_what_waiting_cannot_cure(
    command: Iu, asking_server: str, change: object, code: str
) -> None:
    assert callable(change)
    url = change(asking_server)
    assert url != asking_server
    started = time.monotonic()
    done = command("wait", "--timeout", "60", "--json", "--database-url", url)
    assert time.monotonic() - started < 20
    assert (done.code, done.error["code"]) == (1, code)
    assert "not ready after" not in done.err
    assert done.error["hint"]
    assert done.out == ""


def test_wait_ends_at_once_for_a_database_of_a_newer_version(iu: Iu, gateway: Gateway) -> None:
    gateway.execute(
        "insert into iu_schema_step (module, step_name, requires, checksum, server_major) "
        f"values ('iu-core', '999_later', '{{}}', '{0:064}', 15)"
    )
    done = iu("wait", "--timeout", "60", "--json")
    assert (done.code, done.error["code"]) == (1, "IU901")
    assert "999_later" in done.error["message"]


def test_wait_goes_on_while_the_ledger_is_not_granted_yet(iu: Iu, database: str, gateway: Gateway) -> None:
    """The first step creates the ledger, and 070_functions grants it to iu_auditor."""
    gateway.execute("create role waiting_auditor login password 'x' in role iu_auditor")
    try:
        gateway.execute("revoke select on iu_schema_step from iu_auditor")
        parts = urlsplit(database)
        url = parts._replace(netloc=f"waiting_auditor:x@{parts.hostname}:{parts.port}").geturl()
        waiting = _start("wait", "--timeout", "120", "--database-url", url)
        assert waiting.stdout
        assert "permission denied for table iu_schema_step" in waiting.stdout.readline()
        gateway.execute("grant select on iu_schema_step to iu_auditor")
        waiting.communicate(timeout=60)
        assert waiting.returncode == 0
    finally:
        gateway.execute("drop role waiting_auditor")


def _start(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-u", "-m", "iu_pipelines", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip

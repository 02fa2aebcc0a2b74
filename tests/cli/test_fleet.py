"""`iu fleet status`."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.running import Iu, refused
from delivery.world import PASSWORD, make_login, url_of
from hanging import silent
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import gates

NAMES = ("first", "second")


@pytest.fixture
def urls(
    new_database: Callable[[str], str], template: str, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """Two databases, whose variables have the URLs of an auditor; the values here are those of the owner."""
    found = {name: new_database(template) for name in NAMES}
    login = f"iu_test_auditor_{os.getpid()}"
    with Gateway(found["first"]) as owner:
        make_login(owner, login, "iu_auditor")
    for name, url in found.items():
        monkeypatch.setenv(f"{name.upper()}_DATABASE_URL", url_of(url, login))
    return found


@pytest.fixture
def file(tmp_path: Path, urls: dict[str, str]) -> Path:
    """The file of a fleet of the two."""
    path = tmp_path / "fleet.yaml"
    path.write_text(f"seconds: 3\noutboxes: [{', '.join(urls)}]\n", encoding="utf-8")
    return path


def test_an_auditor_sees_every_outbox_in_one_table(command: Iu, file: Path, urls: dict[str, str]) -> None:
    with Gateway(urls["second"]) as gateway:
        gates.set_gate(gateway, gates.WORKER, "false", "a test")
    done = command("fleet", "status", "--file", str(file))
    assert (done.code, done.err) == (0, "")
    for words in ("first", "second", "1 closed", "healthy: 2 outboxes"):
        assert words in done.out
    assert f"  second: note: closed: {gates.WORKER}" in done.out


def test_json_has_every_outbox_with_its_numbers(
    command: Iu, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IU_FLEET_FILE", str(file))
    found = command("fleet", "status", "--json").json
    assert found["healthy"] is True
    assert [one["outbox"] for one in found["outboxes"]] == list(NAMES)
    assert {"backlog", "oldest_seconds", "dead_letters", "closed_gates", "live_routes", "in_doubt"} <= set(
        found["outboxes"][0]["state"]
    )


def test_a_variable_that_is_not_set_is_an_error_of_its_row(
    command: Iu, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FIRST_DATABASE_URL")
    done = command("fleet", "status", "--file", str(file))
    assert (done.code, done.err) == (1, "")
    assert "first: error: FIRST_DATABASE_URL is not set" in done.out
    assert "UNHEALTHY: 1 of 2 outboxes: 0 unhealthy, 1 unreachable" in done.out
    found = command("fleet", "status", "--file", str(file), "--json").json
    assert found["unreachable"] == ["first"]
    assert found["outboxes"][1]["state"]["healthy"] is True


@pytest.mark.parametrize("kind", ["silent", "wrong password", "not a URL", "nobody listens"])
def test_an_outbox_that_cannot_be_asked_is_named_without_its_password(
    command: Iu, file: Path, monkeypatch: pytest.MonkeyPatch, urls: dict[str, str], kind: str
) -> None:
    with silent(threading.Event()) as quiet:
        url = {
            "silent": quiet,
            "wrong password": url_of(urls["first"], "nobody-here"),
            "not a URL": f"mysql://a:{PASSWORD}@b/c",
            "nobody listens": "postgresql://u:secret-of-nobody@127.0.0.1:1/none",
        }[kind]
        monkeypatch.setenv("FIRST_DATABASE_URL", url)
        for options in ([], ["--json"]):
            done = command("fleet", "status", "--file", str(file), *options)
            assert done.code == 1
            assert "UNREACHABLE" in done.out or '"unreachable": [\n    "first"\n  ]' in done.out
            assert "secret-of-nobody" not in done.out + done.err
            assert PASSWORD not in done.out + done.err
            assert "second" in done.out


def test_without_a_file_or_with_a_url_the_command_is_refused(command: Iu, tmp_path: Path) -> None:
    refused(command("fleet", "status"), 2, "no file of a fleet is named", "IU_FLEET_FILE")
    refused(command("fleet", "status", "--file", str(tmp_path / "none.yaml")), 2, "no such file")
    refused(
        command("fleet", "status", "--database-url", "postgresql://a@b/c"), 2, "--database-url is refused"
    )


def test_a_file_that_is_invalid_is_refused_with_the_key(command: Iu, tmp_path: Path) -> None:
    path = tmp_path / "fleet.yaml"
    path.write_text("outboxes: []\n", encoding="utf-8")
    refused(command("fleet", "status", "--file", str(path)), 2, "outboxes")


def test_a_login_that_may_not_read_is_refused_in_its_row(
    command: Iu, file: Path, monkeypatch: pytest.MonkeyPatch, urls: dict[str, str]
) -> None:
    login = f"iu_test_emitter_{os.getpid()}"
    with Gateway(urls["first"]) as owner:
        make_login(owner, login, "iu_emitter")
    monkeypatch.setenv("FIRST_DATABASE_URL", url_of(urls["first"], login))
    found = command("fleet", "status", "--file", str(file), "--json").json
    assert found["unreachable"] == ["first"]
    assert found["outboxes"][0]["error"]["code"] == "42501"
    assert login in found["outboxes"][0]["error"]["hint"]

"""`iu stop`, and the embedded server that a command starts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.running import Iu, shell


def test_stop_without_an_embedded_server_says_so(
    command: Iu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IU_HOME", str(tmp_path / "home"))
    done = command("stop")
    assert (done.code, done.out.split(":")[0]) == (0, "not running")
    assert command("stop", "--json").json["stopped"] is False


def test_without_a_url_the_embedded_server_is_started_found_again_and_stopped(tmp_path: Path) -> None:
    home = {"IU_HOME": str(tmp_path / "home with a space")}
    try:
        assert shell("migrate", **home).returncode == 0
        done = shell("status", **home)
        assert done.returncode == 0, done.stderr
        assert "Steps: all" in done.stdout
    finally:
        stopped = shell("stop", **home)
    assert stopped.stdout.startswith("stopped:")
    assert shell("stop", **home).stdout.startswith("not running:")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Iu) -> Iterator[Path]:
    """Yield the `.iu` of an empty working directory, whose server is stopped at the end."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path / ".iu"
    command("stop")


def test_a_command_that_makes_a_new_embedded_server_warns_once(command: Iu, home: Path) -> None:
    advice = "if your outbox is elsewhere, run this there, or set IU_HOME"
    warning = f"warning: a new database was made in {home}; {advice}\n"
    first = command("steps", "list", "--json")
    assert (first.code, first.err, len(first.json)) == (0, warning, 11)
    again = command("event", "list")
    assert (again.code, "warning: " in again.err) == (1, False)
    assert f"hint:  The database is the one in {home}: {advice}. " in again.err
    assert again.err.endswith("Run: iu migrate\n")
    command("stop")
    assert command("steps", "list").err == ""  # a start of a stopped server


@pytest.mark.parametrize("words", [("exec", "true"), ("wait", "--no-migrated"), ("deliver",)])
def test_every_command_that_makes_a_new_embedded_server_warns(home: Path, words: tuple[str, ...]) -> None:
    done = shell(*words)
    assert done.stderr.startswith(f"warning: a new database was made in {home}; ")


def test_migrate_makes_a_new_embedded_server_without_a_warning(command: Iu, home: Path) -> None:
    done = command("migrate")
    assert (done.code, done.err) == (0, "")
    assert home.is_dir()

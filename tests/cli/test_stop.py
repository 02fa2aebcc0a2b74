"""`iu stop`, and the embedded server that a command starts."""

from __future__ import annotations

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

"""The locks: concurrent starts and stops, and whether a server is running."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from db.embedded.processes import ENSURE, spawn
from iu_pipelines.db.embedded.server import EmbeddedServer


def test_concurrent_starts_start_one_server(blank_server: EmbeddedServer) -> None:
    starts = [spawn(blank_server.home) for _ in range(4)]
    answers = [start.communicate(timeout=120) for start in starts]
    assert [start.returncode for start in starts] == [0] * 4, answers
    assert {said.strip() for said, _ in answers} == {blank_server.url()}
    assert blank_server.is_running()


def test_concurrent_starts_and_stops_never_fail(blank_server: EmbeddedServer) -> None:
    script = f"{ENSURE}server.stop()\n"
    command = [sys.executable, "-c", script * 3, str(blank_server.home)]
    runs = [subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(3)]
    assert [run.communicate(timeout=120)[1] for run in runs] == [b"", b"", b""]
    blank_server.stop()
    assert not blank_server.is_running()


def test_a_copy_of_a_running_home_is_not_running(server: EmbeddedServer, open_directory: Path) -> None:
    shutil.copytree(server.home, open_directory / "copy", ignore=shutil.ignore_patterns("*.pid"))
    copy = EmbeddedServer(open_directory / "copy")
    assert server.is_running() is True
    assert copy.is_running() is False
    assert copy.stop() is False
    assert server.is_running() is True

"""The user that the server runs as."""

from __future__ import annotations

import os
import pwd
import site
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import iu_pipelines
from db.embedded.processes import only_root, postmaster, spawn
from iu_pipelines.db.embedded.server import EmbeddedServer


@pytest.fixture(scope="module")
def as_nobody() -> dict[str, Any]:
    """Return the arguments that run Python with this checkout as the user nobody; skip if that fails."""
    nobody = pwd.getpwnam("nobody")
    paths = os.pathsep.join([str(Path(iu_pipelines.__file__).parents[1]), *site.getsitepackages()])
    how: dict[str, Any] = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": [], "cwd": "/"}
    how["env"] = {"PATH": os.environ["PATH"], "PYTHONPATH": paths}
    for python in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        with suppress(OSError):
            command = [python, "-c", "import iu_pipelines.db.embedded.server"]
            if subprocess.run(command, check=False, **how).returncode == 0:
                return {"python": python, **how}
    pytest.skip("the user nobody cannot reach this Python and this checkout")


@only_root
def test_the_server_of_root_runs_as_an_unprivileged_user(server: EmbeddedServer) -> None:
    owner = (server.home / "postgres/data").stat().st_uid
    assert owner != 0
    assert Path(f"/proc/{postmaster(server)}").stat().st_uid == owner
    assert server.home.stat().st_uid == 0


@only_root
def test_a_normal_user_starts_a_server_of_its_own(open_directory: Path, as_nobody: dict[str, Any]) -> None:
    home = open_directory / "of nobody"
    home.mkdir()
    os.chown(home, as_nobody["user"], as_nobody["group"])
    said, error = spawn(home / "iu", **as_nobody).communicate(timeout=60)
    server = EmbeddedServer(home / "iu")
    try:
        assert said.strip() == server.url(), error
        assert Path(f"/proc/{postmaster(server)}").stat().st_uid == as_nobody["user"]
        assert server.ensure_running() == said.strip()
    finally:
        server.stop()


@only_root
def test_the_home_of_another_user_is_refused(server: EmbeddedServer, as_nobody: dict[str, Any]) -> None:
    shared = server.home.parent
    shared.chmod(0o755)
    _, error = spawn(server.home, **as_nobody).communicate(timeout=60)
    shared.chmod(0o700)
    assert "EmbeddedServerError: cannot use" in error
    assert "Permission denied" in error

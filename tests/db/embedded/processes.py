"""Processes that use an embedded server, and checks of the server from outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from iu_pipelines.db.embedded.server import EmbeddedServer
from iu_pipelines.db.gateway import Gateway
from waiting import eventually

ENSURE = """
import sys, pathlib
from iu_pipelines.db.embedded.server import EmbeddedServer
server = EmbeddedServer(pathlib.Path(sys.argv[1]), settings={"fsync": "off"})
print(server.ensure_running(), flush=True)
"""
"""A script that starts the server in the home given by its first argument."""

QUICK = {"fsync": "off"}
only_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to switch users or to mount a disk")


def spawn(home: Path, python: str = sys.executable, **how: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [python, "-c", ENSURE, str(home)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **how,
    )


def postmaster(server: EmbeddedServer) -> int:
    return int((server.home / "postgres/data/postmaster.pid").read_text(encoding="utf-8").split()[0])


def record(server: EmbeddedServer) -> dict[str, Any]:
    text = (server.home / "postgres/data/iu.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def put(server: EmbeddedServer, value: int) -> None:
    with Gateway(server.url()) as gateway:
        gateway.execute("create table kept as select %s::int as n", (value,))


def kept(server: EmbeddedServer) -> Any:
    with Gateway(server.url()) as gateway:
        return gateway.fetch_value("select n from kept")


def assert_it_keeps_data(server: EmbeddedServer) -> None:
    server.ensure_running()
    put(server, 5)
    assert kept(server) == 5


def gone(pid: int) -> bool:
    """Wait until process `pid` has ended."""

    def ended() -> bool:
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        return False

    return eventually(ended, f"process {pid} has ended")

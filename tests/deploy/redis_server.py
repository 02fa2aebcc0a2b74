"""A real Redis server for one test. It keeps its data in memory only, so a restart loses all of it."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

import process_groups
from dev_server import free_port

PROGRAM: Final = shutil.which("redis-server")
PASSWORD: Final = "the-password-of-redis"


class RedisServer:
    """A server on a free port of the loopback interface, with a password."""

    def __init__(self, shared: Path) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="redis-", dir=shared))
        self._port = str(free_port())
        self.url = f"redis://:{PASSWORD}@127.0.0.1:{self._port}"
        self._start()

    def _start(self) -> None:
        assert PROGRAM
        self._group = process_groups.start(
            self._home / "redis.log", os.environ, PROGRAM, "--port", self._port, "--bind", "127.0.0.1",
            "--requirepass", PASSWORD, "--save", "", "--dir", str(self._home),
        )  # fmt: skip
        self._group.wait_for("Ready to accept connections")

    def restart_empty(self) -> None:
        """Kill the server and start an empty one with the same address."""
        self._group.kill()
        self._start()

    def remove(self) -> None:
        """Kill the server and delete its files."""
        self._group.kill()
        shutil.rmtree(self._home)

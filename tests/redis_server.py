"""A real Redis server for one test."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import process_groups
from dev_server import free_port

PROGRAM: Final = shutil.which("redis-server")
PASSWORD: Final = "the-password-of-redis"


@dataclass(frozen=True)
class Entry:
    """One entry of a stream."""

    key: str
    body: str
    fields: dict[str, str]


class RedisServer:
    """A server on a free port of the loopback interface, with a password.

    Its data is in memory only, so a restart loses all of it, unless `is_durable`: then each write is synced
    to the disk before it is answered. `certificate` (with its key) lets it speak TLS only, and `options` are
    further arguments.
    """

    def __init__(
        self,
        shared: Path,
        *options: str,
        is_durable: bool = False,
        certificate: tuple[Path, Path] | None = None,
    ) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="redis-", dir=shared))
        self.port = free_port()
        self._password = PASSWORD
        self.url = f"redis://:{PASSWORD}@127.0.0.1:{self.port}"
        ports: tuple[str, ...] = ("--port", str(self.port))
        if certificate:
            ports = (
                "--port", "0", "--tls-port", str(self.port), "--tls-auth-clients", "no",
                "--tls-cert-file", str(certificate[0]), "--tls-key-file", str(certificate[1]),
            )  # fmt: skip
        kept = ("--appendonly", "yes", "--appendfsync", "always") if is_durable else ()
        self._arguments = (*ports, *kept, *options)
        self.start()

    def start(self, *options: str, until: str = "Ready to accept connections") -> None:
        """Start the server with what it has stored, and wait until it has printed `until`."""
        assert PROGRAM
        self._group = process_groups.start(
            self._home / "redis.log", os.environ, PROGRAM, "--bind", "127.0.0.1",
            "--requirepass", self._password, "--save", "", "--dir", str(self._home), *self._arguments,
            *options,
        )  # fmt: skip
        self._group.wait_for(until)

    def kill(self) -> None:
        """Kill the server with SIGKILL."""
        self._group.kill()

    def restart_empty(self) -> None:
        """Kill the server and start an empty one with the same address."""
        self.kill()
        self.start()

    def remove(self) -> None:
        """Kill the server and delete its files."""
        self.kill()
        shutil.rmtree(self._home)

    def change_password(self, password: str) -> None:
        """Change the password, and close the connections that used the old one."""
        self.run("CONFIG", "SET", "requirepass", password)
        self.url = self.url.replace(self._password, password)
        self._password = password
        self.run("CLIENT", "KILL", "TYPE", "normal")

    def run(self, *command: Any) -> Any:
        """Return the answer to a command, which is sent in clear text."""
        import redis

        with redis.Redis.from_url(self.url, decode_responses=True) as client:
            return client.execute_command(*command)

    def entries(self, stream: str = "events") -> Sequence[Entry]:
        """Return the entries of a stream in their order."""
        found = self.run("XRANGE", stream, "-", "+")
        return [Entry(fields.get("webhook-id", ""), fields.get("body", ""), fields) for _, fields in found]

"""A real NATS server for one test, with JetStream in a directory of its own, which a restart keeps."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import nats
import pytest
from nats.aio.client import Client
from nats.js.api import ConsumerConfig, DiscardPolicy, StreamConfig

import process_groups
from dev_server import free_port

PROGRAM: Final = shutil.which("nats-server")
TOKEN: Final = "the-token-of-nats"

_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Stored:
    """One message of a stream."""

    key: str
    body: str
    headers: dict[str, str]


class NatsServer:
    """A server on a free port of the loopback interface. `settings` are further keys of its configuration."""

    def __init__(self, directory: Path, **settings: Any) -> None:
        if PROGRAM is None:
            pytest.skip("nats-server is not installed")
        self._home = Path(tempfile.mkdtemp(prefix="nats-", dir=directory))
        self.port = free_port()
        self._settings = {"authorization": {"token": TOKEN}, **settings}
        self._login: dict[str, Any] = {"token": TOKEN}
        self.start()

    @property
    def address(self) -> str:
        """The address without a login and encryption."""
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the server with what it has stored."""
        assert PROGRAM
        config = {
            "host": "127.0.0.1", "port": self.port, "jetstream": {"store_dir": str(self._home / "store")},
            **self._settings,
        }  # fmt: skip
        path = self._home / "nats.conf"
        path.write_text(json.dumps(config), encoding="utf-8")
        self._group = process_groups.start(
            self._home / "nats.log", os.environ, PROGRAM, "--config", str(path)
        )
        self._group.wait_for("Server is ready")

    def kill(self) -> None:
        """Kill the server with SIGKILL."""
        self._group.kill()

    def remove(self) -> None:
        """Kill the server and delete its files."""
        self.kill()
        shutil.rmtree(self._home)

    def log_in(self, **login: Any) -> None:
        """Let the calls below connect with these arguments of the library."""
        self._login = login

    def greeting(self) -> str:
        """Return the first line that the server sends to a client."""
        with (
            socket.create_connection(("127.0.0.1", self.port)) as one,
            one.makefile(encoding="utf-8") as lines,
        ):
            return lines.readline()

    def change_token(self, token: str) -> None:
        """Start the server anew with another token."""
        self.kill()
        self._settings["authorization"] = {"token": token}
        self._login = {"token": token}
        self.start()

    def add_stream(self, name: str = "EVENTS", subject: str = "events", **config: Any) -> None:
        """Create a stream; with `max_msgs` it refuses what it has no room for."""
        wanted = StreamConfig(name=name, subjects=[subject], discard=DiscardPolicy.NEW, **config)
        self._run(lambda client: client.jetstream().add_stream(wanted))

    def update_stream(self, name: str = "EVENTS", subject: str = "events", **config: Any) -> None:
        """Change a stream."""
        wanted = StreamConfig(name=name, subjects=[subject], discard=DiscardPolicy.NEW, **config)
        self._run(lambda client: client.jetstream().update_stream(wanted))

    def delete_stream(self, name: str = "EVENTS") -> None:
        """Delete a stream with its messages."""
        self._run(lambda client: client.jetstream().delete_stream(name))

    def stored(self, name: str = "EVENTS", subject: str = "events") -> Sequence[Stored]:
        """Return the messages of a stream in their order."""

        async def read(client: Client) -> list[Stored]:
            stream = client.jetstream()
            left = (await stream.stream_info(name)).state.messages
            found: list[Stored] = []
            reader = await stream.pull_subscribe(
                subject, stream=name, config=ConsumerConfig(mem_storage=True)
            )
            while len(found) < left:
                for one in await reader.fetch(min(1000, left - len(found)), timeout=60):
                    headers = dict(one.headers or {})
                    found.append(Stored(headers.get("Nats-Msg-Id", ""), one.data.decode(), headers))
            return found

        return self._run(read)

    def _run(self, act: Callable[[Client], Awaitable[_Answer]]) -> _Answer:
        async def run() -> _Answer:
            client = await nats.connect(self.address, **self._login)
            try:
                return await act(client)
            finally:
                await client.close()

        with ThreadPoolExecutor(1) as thread:  # a test may call this in its own loop
            return thread.submit(asyncio.run, run()).result()

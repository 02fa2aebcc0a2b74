"""Debian's RabbitMQ as a node of its own, on loopback, with files and ports of its own.

The node and the port mapper of Erlang (epmd) run in one process group, which ends with the tests. The files
stay until `remove`, so that a node that was killed starts again with the queues that it had.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar
from uuid import uuid4

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

import process_groups
from delivery.kind_parts import Authority
from dev_server import free_port

SERVER: Final = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
CONTROL: Final = SERVER.with_name("rabbitmqctl")
ADMIN, ADMIN_PASSWORD = "admin", "the-password-of-admin"

_Answer = TypeVar("_Answer")
_START: Final = 'epmd -address 127.0.0.1 -port "$ERL_EPMD_PORT" & exec "$0"'


@dataclass(frozen=True)
class Taken:
    """One message that was taken from a queue."""

    key: str
    body: str
    headers: dict[str, Any]
    routing_key: str
    content_type: str
    is_persistent: bool


class Rabbit:
    """One node. `kill` and `start` keep its ports and its durable queues."""

    def __init__(self, shared: Path) -> None:
        if not SERVER.exists() or not shutil.which("epmd"):
            pytest.skip("rabbitmq-server is not installed")
        self.home = Path(tempfile.mkdtemp(prefix="rabbit-", dir=shared))
        self.port, self.tls_port = free_port(), free_port()
        self.authority = Authority(self.home / "certificates")
        self._environment = {
            "HOME": str(self.home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8",
            "RABBITMQ_NODENAME": f"test{os.getpid()}@localhost", "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(self.home / "data"), "RABBITMQ_LOG_BASE": str(self.home),
            "RABBITMQ_LOGS": "-", "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_PID_FILE": str(self.home / "pid"), "RABBITMQ_CONFIG_FILE": str(self.home / "rabbitmq"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.home / "plugins"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "ERL_EPMD_PORT": str(free_port()), "ERL_EPMD_ADDRESS": "127.0.0.1",
        }  # fmt: skip
        self._taken: dict[str, list[Taken]] = defaultdict(list)
        self._configure()
        self.start()

    def _configure(self) -> None:
        certificate, key = self.authority.issue("127.0.0.1")
        (self.home / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{self.port}\n"
            f"listeners.ssl.1 = 127.0.0.1:{self.tls_port}\n"
            f"ssl_options.cacertfile = {self.authority.certificate}\n"
            f"ssl_options.certfile = {certificate}\n"
            f"ssl_options.keyfile = {key}\n"
            "ssl_options.verify = verify_peer\n"
            "ssl_options.fail_if_no_peer_cert = true\n"
            f"default_user = {ADMIN}\ndefault_pass = {ADMIN_PASSWORD}\n",
            encoding="utf-8",
        )

    def start(self) -> None:
        """Start the node and wait until it accepts connections."""
        self._group = process_groups.start(
            self.home / "node.log", self._environment, "/bin/sh", "-c", _START, str(SERVER)
        )
        self._group.wait_for("Server startup complete")

    def kill(self) -> None:
        """Kill the node with SIGKILL."""
        self._group.kill()

    def remove(self) -> None:
        """Kill the node and delete its files."""
        self._group.kill()
        shutil.rmtree(self.home, ignore_errors=True)

    def control(self, *arguments: str) -> str:
        """Return the output of rabbitmqctl."""
        done = subprocess.run(
            [CONTROL, "--quiet", *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def add_user(self, password: str, write: str = ".*") -> str:
        """Add a login that may write to the exchanges whose names match, and return its name."""
        name = f"user-{uuid4().hex[:8]}"
        self.control("add_user", name, password)
        self.control("set_permissions", name, "", write, "")
        return name

    def change_password(self, user: str, password: str) -> None:
        """Change a password, and close the connections of the user."""
        self.control("change_password", user, password)
        self.close_connections(user)

    def close_connections(self, user: str) -> None:
        """Close the connections of a user."""
        self.control("close_all_user_connections", user, "a test")

    def address(self, user: str, scheme: str = "amqp", port: int | None = None) -> str:
        """Return an address of the default virtual host."""
        port = port or (self.tls_port if scheme == "amqps" else self.port)
        return f"{scheme}://{user}@127.0.0.1:{port}/%2F"

    def add_queue(self, **arguments: Any) -> str:
        """Add a durable exchange and a durable queue that gets all of it; return the name of both.

        `arguments` are those of the queue, with `_` for `-`.
        """
        name = f"queue-{uuid4().hex[:8]}"
        given = {key.replace("_", "-"): value for key, value in arguments.items()}

        async def add(channel: AbstractChannel) -> None:
            exchange = await channel.declare_exchange(name, "topic", durable=True)
            queue = await channel.declare_queue(name, durable=True, arguments=given)
            await queue.bind(exchange, "#")

        self.use(add)
        return name

    def taken(self, queue: str) -> Sequence[Taken]:
        """Return what a queue had and has, in the order of the queue. What it has is taken from it."""

        async def take(channel: AbstractChannel) -> None:
            found = await channel.get_queue(queue)
            while (one := await found.get(fail=False, no_ack=True)) is not None:
                self._taken[queue].append(_taken(one))

        self.use(take)
        return list(self._taken[queue])

    def use(self, action: Callable[[AbstractChannel], Awaitable[_Answer]]) -> _Answer:
        """Return what an action with a channel of the administrator returns."""

        async def run() -> _Answer:
            url = f"amqp://{ADMIN}:{ADMIN_PASSWORD}@127.0.0.1:{self.port}/"
            async with await aio_pika.connect(url) as connection:
                return await action(await connection.channel())

        with ThreadPoolExecutor(1) as thread:  # a test may call this in its own loop
            return thread.submit(asyncio.run, run()).result()


def _taken(one: AbstractIncomingMessage) -> Taken:
    return Taken(
        one.message_id or "",
        one.body.decode(),
        dict(one.headers),
        one.routing_key or "",
        one.content_type or "",
        one.delivery_mode == aio_pika.DeliveryMode.PERSISTENT,
    )

"""Targets of kind amqp, against Debian's RabbitMQ: what is confirmed is in the queue, in order, once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest

from delivery.kind_parts import granted
from delivery.proxy import Proxy
from delivery.rabbitmq import Rabbit
from iu_pipelines import settings
from iu_pipelines.delivery import contract
from iu_pipelines.delivery.amqp import AmqpTarget
from iu_pipelines.delivery.contract import Place, Received
from iu_pipelines.delivery.secrets import Secrets
from iu_pipelines.domain.targets import GrantedTarget

PUBLISH: Final = b"\x00\x3c\x00\x28"
"""The class and the method of Basic.Publish in its frame."""


def is_publish(data: bytes) -> bool:
    return PUBLISH in data


@pytest.fixture(scope="module")
def rabbit(shared: Path) -> Iterator[Rabbit]:
    """Yield a node for the tests of this module."""
    made = Rabbit(shared)
    yield made
    made.remove()


class Exchange(Place):
    """An exchange whose messages go to one durable queue."""

    unsafe_addresses = (
        "amqps://u@127.0.0.1/",
        "amqps://u@10.0.0.1/",
        "amqps://u@169.254.169.254/",
        "amqps://u@[::1]/",
        "amqps://u@8.8.8.8,127.0.0.1/",
    )
    password_address = "amqps://u:s3cret@127.0.0.1/"

    def __init__(self, rabbit: Rabbit, patch: pytest.MonkeyPatch, stack: ExitStack) -> None:
        self.canary = f"canary-{uuid4().hex}"
        self.queue = rabbit.add_queue()
        self.user = rabbit.add_user(self.canary)
        self._rabbit = rabbit
        self._patch = patch
        self._stack = stack
        self._set(self.canary)

    def _set(self, password: str) -> None:
        self._patch.setenv("IU_SECRET_HOOK", f"host=127.0.0.1 {password}")

    def target(self, **changes: Any) -> GrantedTarget:
        address = self._rabbit.address(self.user)
        given = {"kind": "amqp", "options": {"exchange": self.queue}, "timeout_seconds": 10, **changes}
        return granted(address, **given)

    def behind(self, act: str) -> GrantedTarget:
        """Return the target behind a proxy that acts on the first message."""
        proxy = self._stack.enter_context(Proxy(self._rabbit.port, is_publish, act))
        return replace(self.target(), address=self._rabbit.address(self.user, port=proxy.port))

    def secrets(self) -> Secrets:
        return Secrets(settings.load())

    def received(self) -> Sequence[Received]:
        return [Received(one.key, one.body, one.headers) for one in self._rabbit.taken(self.queue)]

    def unreachable(self) -> GrantedTarget:
        return replace(self.target(), address=f"amqp://{self.user}@127.0.0.1:9/")

    def silent(self) -> GrantedTarget:
        return replace(self.behind("silence"), timeout_seconds=1)

    def refusing(self) -> GrantedTarget:
        full = self._rabbit.add_queue(x_max_length=0, x_overflow="reject-publish")
        return self.target(options={"exchange": full})

    def breaking(self) -> GrantedTarget:
        return self.behind("cut")

    def parts(self) -> Sequence[Sequence[Received]]:
        return [self.received()]

    def stop(self) -> bool:
        self._rabbit.kill()
        return True

    def start(self) -> None:
        self._rabbit.start()

    def change_secret(self) -> bool:
        self._rabbit.change_password(self.user, "another")
        self._set("another")
        return True


@pytest.fixture
def place(rabbit: Rabbit, monkeypatch: pytest.MonkeyPatch) -> Iterator[Exchange]:
    with ExitStack() as stack:
        yield Exchange(rabbit, monkeypatch, stack)


@pytest.mark.parametrize("name", contract.scenarios(AmqpTarget))
def test_exchanges_keep_the_contract(name: str, place: Exchange) -> None:
    asyncio.run(contract.run(name, AmqpTarget, place))

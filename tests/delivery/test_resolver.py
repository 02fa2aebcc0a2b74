"""A name server that does not answer delays no other target, whatever its kind."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest

from delivery.kind_parts import VALUE, answers_of, granted, message, secrets
from iu_pipelines.delivery import addresses
from iu_pipelines.delivery.amqp import AmqpTarget
from iu_pipelines.delivery.kafka import KafkaTarget
from iu_pipelines.delivery.kind import Answer, TargetKind
from iu_pipelines.delivery.nats import NatsTarget
from iu_pipelines.delivery.redis import RedisTarget
from iu_pipelines.delivery.resolver import Resolver
from iu_pipelines.delivery.webhook import WebhookTarget
from iu_pipelines.domain.targets import GrantedTarget
from waiting import PATIENCE

_KINDS: Final[dict[type[TargetKind], tuple[str, dict[str, Any]]]] = {
    WebhookTarget: ("http://{}:9/", {}),
    AmqpTarget: ("amqp://u@{}:9/", {"exchange": "e"}),
    KafkaTarget: ("kafka://{}:9", {"topic": "t"}),
    NatsTarget: ("nats://{}:9", {"subject": "s"}),
    RedisTarget: ("redis://{}:9", {"stream": "s"}),
}
_EACH: Final = pytest.mark.parametrize("kind", _KINDS, ids=lambda kind: kind.kind)


class _Names:
    """Name servers: that of slow.example answers only after `release`."""

    def __init__(self) -> None:
        self.asked, self._released = threading.Event(), threading.Event()
        self._known = answers_of({"good.example": ["127.0.0.1"]})
        self.release: Callable[[], None] = self._released.set

    def find(self, host: Any, *arguments: Any, **options: Any) -> Any:
        if host == "slow.example":
            self.asked.set()
            self._released.wait(PATIENCE)
            raise socket.gaierror
        return self._known(host, *arguments, **options)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Names]:
    made = _Names()
    monkeypatch.setattr("socket.getaddrinfo", made.find)
    monkeypatch.setenv("IU_SECRET_HOOK", f"host=slow.example,good.example {VALUE}")
    yield made
    made.release()


def _target(kind: type[TargetKind], host: str, seconds: int) -> GrantedTarget:
    address, options = _KINDS[kind]
    secret = None if kind is KafkaTarget else "HOOK"
    return granted(
        address.format(host), kind=kind.kind, options=options, secret_name=secret, timeout_seconds=seconds
    )


def send_beside_a_hanging_name_server(kind: type[TargetKind], names: _Names, seconds: int) -> None:
    """Send to a host that is known while another target waits for its name server.

    The loop has one thread, where others have a few: as many hanging targets would take them all.
    """

    async def run() -> Answer:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
        slow, good = (
            kind(_target(kind, host, limit), secrets())
            for host, limit in (("slow.example", int(PATIENCE)), ("good.example", seconds))
        )
        await slow.open()
        await good.open()
        sending = asyncio.create_task(slow.send(message()))
        try:
            while not names.asked.is_set():
                await asyncio.sleep(0.01)
            answer = await good.send(message())
            assert not sending.done()
            return answer
        finally:
            names.release()
            await asyncio.gather(sending, return_exceptions=True)
            await slow.close()
            await good.close()

    assert asyncio.run(run()).status_class == "refused"


@_EACH
def test_a_name_server_that_hangs_delays_no_other_target(kind: type[TargetKind], names: _Names) -> None:
    send_beside_a_hanging_name_server(kind, names, seconds=60)


@_EACH
def test_a_kind_that_resolves_in_the_threads_of_the_loop_is_found(
    kind: type[TargetKind], names: _Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def resolve(_: Resolver, host: str, port: int) -> Sequence[str]:
        return await asyncio.to_thread(addresses.resolve, host, port, private=True)

    monkeypatch.setattr(Resolver, "resolve", resolve)
    with pytest.raises(AssertionError):
        send_beside_a_hanging_name_server(kind, names, seconds=1)

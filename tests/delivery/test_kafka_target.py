"""Targets of kind kafka, against the mock cluster of librdkafka: `kafka_mock.py` says what that lacks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest
from confluent_kafka import KafkaError

from delivery.kafka_mock import PRODUCE, Cluster
from delivery.kind_parts import granted
from delivery.proxy import Proxy
from iu_pipelines import settings
from iu_pipelines.delivery import contract
from iu_pipelines.delivery.contract import Place, Received
from iu_pipelines.delivery.kafka import KafkaTarget
from iu_pipelines.delivery.secrets import Secrets
from iu_pipelines.domain.targets import GrantedTarget


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    made = Cluster()
    yield made
    made.close()


def is_produce(data: bytes) -> bool:
    """Return whether data begins with a request to produce."""
    return int.from_bytes(data[4:6], "big") == PRODUCE


class Topic(Place):
    """A topic with four partitions."""

    unsafe_addresses = (
        "kafkas://127.0.0.1",
        "kafkas://10.0.0.1:9093",
        "kafkas://169.254.169.254",
        "kafkas://[::1]",
        "kafkas://8.8.8.8,127.0.0.1",
    )
    password_address = "kafkas://u:s3cret@127.0.0.1"

    def __init__(self, cluster: Cluster, stack: ExitStack) -> None:
        self._cluster = cluster
        self._stack = stack
        self.topic = cluster.add_topic()

    def target(self, **changes: Any) -> GrantedTarget:
        given = {
            "kind": "kafka", "secret_name": None, "options": {"topic": self.topic}, "timeout_seconds": 10,
            **changes,
        }  # fmt: skip
        return granted(self._cluster.address(), **given)

    def secrets(self) -> Secrets:
        return Secrets(settings.load())

    def parts(self) -> Sequence[Sequence[Received]]:
        return [
            [Received(one.headers["webhook-id"], one.value, one.headers) for one in part]
            for part in self._cluster.records(self.topic)
        ]

    def received(self) -> Sequence[Received]:
        return [one for part in self.parts() for one in part]

    def unreachable(self) -> GrantedTarget:
        return self.target_at(9)

    def target_at(self, port: int, **changes: Any) -> GrantedTarget:
        return replace(self.target(**changes), address=f"kafka://127.0.0.1:{port}")

    def behind(self, act: str) -> GrantedTarget:
        """Return a target at a cluster of one broker, which is announced at a proxy in front of it."""
        cluster = Cluster(brokers=1)
        self._stack.callback(cluster.close)
        proxy = self._stack.enter_context(Proxy(cluster.ports[0], is_produce, act))
        cluster.announce(1, "127.0.0.1", proxy.port)
        return self.target_at(proxy.port, options={"topic": cluster.add_topic()}, timeout_seconds=2)

    def silent(self) -> GrantedTarget:
        return replace(self.behind("silence"), timeout_seconds=1)

    def refusing(self) -> GrantedTarget:
        topic = self._cluster.add_topic()
        self._cluster.refuse(PRODUCE, KafkaError.MSG_SIZE_TOO_LARGE)
        return self.target(options={"topic": topic})

    def breaking(self) -> GrantedTarget:
        return self.behind("cut")

    def stop(self) -> bool:
        self._cluster.set_down()
        return True

    def start(self) -> None:
        self._cluster.set_up()


@pytest.fixture
def place(cluster: Cluster) -> Iterator[Topic]:
    with ExitStack() as stack:
        yield Topic(cluster, stack)


@pytest.mark.parametrize("name", contract.scenarios(KafkaTarget))
def test_topics_keep_the_contract(name: str, place: Topic) -> None:
    asyncio.run(contract.run(name, KafkaTarget, place))

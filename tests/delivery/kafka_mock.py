"""The mock cluster of librdkafka: brokers in this process that speak Kafka's protocol, on loopback.

It is no Kafka: Debian has none. It keeps records in memory, and has leaders, producers with numbers and
errors on demand. It knows neither TLS nor logins nor limits of a topic, does not recognize a batch that it
has by its numbers, and its records are lost with the process. The library has it for such tests; from
Python, its C functions are called.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self
from uuid import uuid4

import confluent_kafka
import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition

PRODUCE, METADATA, INIT_PRODUCER_ID = 0, 3, 22
"""The numbers of requests."""

_PRODUCER: Final = 0


@dataclass(frozen=True)
class Record:
    """One record that a consumer read."""

    key: str
    value: str
    headers: dict[str, str]


class Cluster:
    """A cluster of mock brokers, whose numbers begin at 1."""

    def __init__(self, brokers: int = 3) -> None:
        self._brokers = brokers
        self._announced: dict[int, tuple[str, int]] = {}
        self._library = _library()
        text = ctypes.create_string_buffer(512)
        config = ctypes.c_void_p(self._library.rd_kafka_conf_new())
        self._client = ctypes.c_void_p(
            self._library.rd_kafka_new(_PRODUCER, config, text, ctypes.c_size_t(len(text)))
        )
        assert self._client, text.value
        self._cluster = ctypes.c_void_p(self._library.rd_kafka_mock_cluster_new(self._client, brokers))
        self.servers: str = self._library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()
        self.ports = [int(one.rpartition(":")[2]) for one in self.servers.split(",")]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the brokers."""
        self._library.rd_kafka_mock_cluster_destroy(self._cluster)
        self._library.rd_kafka_destroy(self._client)

    def address(self, user: str | None = None, scheme: str = "kafka") -> str:
        """Return the address of the cluster, with all its brokers."""
        return f"{scheme}://{user + '@' if user else ''}{self.servers}"

    def add_topic(self, partitions: int = 4, replicas: int = 3) -> str:
        """Add a topic and return its name."""
        name = f"topic-{uuid4().hex[:8]}"
        self._call("topic_create", name.encode(), partitions, min(replicas, self._brokers))
        return name

    def refuse(self, request: int, *errors: int) -> None:
        """Answer the next requests of a kind with these errors, one each."""
        values = (ctypes.c_int * len(errors))(*errors)
        self._call("push_request_errors_array", ctypes.c_int16(request), ctypes.c_size_t(len(errors)), values)

    def set_topic_error(self, topic: str, error: int) -> None:
        """Answer each request about a topic with an error; 0 ends it."""
        self._call("topic_set_error", topic.encode(), error)

    def kill(self) -> None:
        """End all connections and listen no more; the records are kept."""
        for number in range(1, self._brokers + 1):
            self._call("broker_set_down", number)

    def start(self) -> None:
        """Listen again, at the same ports."""
        for number in range(1, self._brokers + 1):
            self._call("broker_set_up", number)

    def announce(self, broker: int, host: str, port: int) -> None:
        """Announce another address of a broker than the one where it listens."""
        self._announced[broker] = (host, port)
        self._call("broker_set_host_port", broker, host.encode(), port)

    def records(self, topic: str) -> Sequence[Sequence[Record]]:
        """Return the records of each partition of a topic, in their order, without any proxy."""
        elsewhere = dict(self._announced)
        for broker in elsewhere:
            self.announce(broker, "127.0.0.1", self.ports[broker - 1])
        try:
            return self._read(topic)
        finally:
            for broker, place in elsewhere.items():
                self.announce(broker, *place)

    def _read(self, topic: str) -> Sequence[Sequence[Record]]:
        with _consumer(self.servers) as consumer:
            known = consumer.list_topics(topic, timeout=30).topics[topic].partitions
            found: list[list[Record]] = [[] for _ in known]
            consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in known])
            left = set(known)
            while left:
                one = consumer.poll(30)
                assert one is not None, "the mock cluster does not answer a consumer"
                if (error := one.error()) is not None:
                    assert error.code() == KafkaError._PARTITION_EOF, error
                    left.discard(one.partition())
                else:
                    found[one.partition() or 0].append(_record(one))
        return found

    def _call(self, name: str, *arguments: Any) -> None:
        said = getattr(self._library, f"rd_kafka_mock_{name}")(self._cluster, *arguments)
        assert not said or name == "push_request_errors_array", f"{name}: {said}"


@contextmanager
def _consumer(servers: str) -> Iterator[Consumer]:
    consumer = Consumer(
        {"bootstrap.servers": servers, "group.id": uuid4().hex, "enable.partition.eof": True,
         "enable.auto.commit": False, "log_level": 0}
    )  # fmt: skip
    try:
        yield consumer
    finally:
        consumer.close()


def _record(one: Any) -> Record:
    headers = {name: value.decode() for name, value in one.headers() or []}
    assert len(headers) == len(one.headers() or []), "a header came twice"
    return Record(one.key().decode(), one.value().decode(), headers)


def _library() -> ctypes.CDLL:
    """Return the library that the package uses, which is beside it in its wheel."""
    folder = Path(confluent_kafka.__file__).parent.parent / "confluent_kafka.libs"
    found = next(folder.glob("librdkafka-*.so*"), None)
    if found is None:
        pytest.skip("confluent-kafka is not installed from a wheel for Linux, which has librdkafka beside it")
    library = ctypes.CDLL(str(found))
    for name in ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_mock_cluster_new"):
        getattr(library, name).restype = ctypes.c_void_p
    library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
    return library

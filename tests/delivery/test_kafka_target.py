"""Targets of kind kafka, against the mock cluster of librdkafka: `kafka_mock.py` says what that lacks."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest
from confluent_kafka import KafkaError

from delivery.broker_drain import check, check_batches, drain_through, restart, send_through
from delivery.kafka_gate import Gate
from delivery.kafka_mock import PRODUCE, Cluster
from delivery.kind_parts import Authority, answers_of, granted, listening, message, secrets, send
from delivery.proxy import Proxy
from delivery.sending import Ground
from iu_pipelines import settings
from iu_pipelines.delivery import contract, kafka
from iu_pipelines.delivery.addresses import Endpoint
from iu_pipelines.delivery.contract import Place, Received
from iu_pipelines.delivery.kafka import KafkaTarget
from iu_pipelines.delivery.kind import Answer, Message
from iu_pipelines.delivery.links import Link
from iu_pipelines.delivery.secrets import Secrets
from iu_pipelines.domain.targets import GrantedTarget
from iu_pipelines.errors import ArgumentInvalid, TargetNotSafe


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with Cluster() as made:
        yield made


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
        cluster = self._stack.enter_context(Cluster(brokers=1))
        proxy = self._stack.enter_context(Proxy(cluster.ports[0], is_produce, act))
        cluster.announce(1, "127.0.0.1", proxy.port)
        return self.target_at(proxy.port, options={"topic": cluster.add_topic()}, timeout_seconds=6)

    def silent(self) -> GrantedTarget | None:
        return self.unheard()

    def unheard(self) -> GrantedTarget:
        return replace(self.behind("silence"), timeout_seconds=4)

    def refusing(self) -> GrantedTarget | None:
        topic = self._cluster.add_topic()
        self._cluster.refuse(PRODUCE, KafkaError.MSG_SIZE_TOO_LARGE)
        return self.target(options={"topic": topic})

    def breaking(self) -> GrantedTarget | None:
        return self.behind("cut")

    def stop(self) -> bool:
        self._cluster.kill()
        return True

    def start(self) -> None:
        self._cluster.start()


@pytest.fixture
def place(cluster: Cluster) -> Iterator[Topic]:
    with ExitStack() as stack:
        yield Topic(cluster, stack)


@pytest.mark.parametrize("name", contract.scenarios(KafkaTarget))
def test_topics_keep_the_contract(name: str, place: Topic) -> None:
    asyncio.run(contract.run(name, KafkaTarget, place))


# What the contract does not say.


def test_a_record_is_a_cloud_event_with_the_subject_as_its_key(place: Topic, cluster: Cluster) -> None:
    one = message(5, subject="doc/ü")
    (answer,) = send(KafkaTarget, place.target(), one, of=secrets())
    assert answer == Answer("sent", "confirmed")
    (found,) = [record for part in cluster.records(place.topic) for record in part]
    assert (found.key, found.value) == (str(one.subject), one.body)
    assert found.headers == {
        "content-type": "application/json", "ce_specversion": "1.0", "ce_id": one.key,
        "ce_type": "version_applied", "ce_source": "/iu", "ce_subject": "doc/ü",
        "ce_time": "2026-11-27T00:00:00+00:00", "webhook-id": one.key, "iu-attempt": "1",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("error", "said"),
    [(KafkaError.MSG_SIZE_TOO_LARGE, ("record_too_large", False, False)),
     (KafkaError.TOPIC_AUTHORIZATION_FAILED, ("login_refused", True, False)),
     (KafkaError.INVALID_RECORD, ("refused_record", False, False)),
     (KafkaError.UNKNOWN, ("refused_record", False, True))],
)  # fmt: skip
def test_an_error_of_the_broker_is_tried_again(
    place: Topic, cluster: Cluster, error: int, said: tuple[str, bool, bool]
) -> None:
    cluster.refuse(PRODUCE, error)
    (answer,) = send(KafkaTarget, place.target(), of=secrets())
    assert answer.decision == "retry"
    assert (answer.status_class, answer.local_fault, answer.may_have_arrived) == said
    assert "version_applied" not in str(answer.error)
    assert not place.received()


@pytest.mark.parametrize("error", [KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.NOT_ENOUGH_REPLICAS])
def test_the_client_tries_again_by_itself_and_makes_one_record(
    place: Topic, cluster: Cluster, error: int
) -> None:
    cluster.refuse(PRODUCE, error, error)
    assert send(KafkaTarget, place.target(), of=secrets())[0].decision == "sent"
    assert len(place.received()) == 1


def test_a_topic_that_does_not_exist_is_tried_again(place: Topic, cluster: Cluster) -> None:
    cluster.set_topic_error(place.topic, KafkaError.UNKNOWN_TOPIC_OR_PART)
    (answer,) = send(KafkaTarget, place.target(), of=secrets())
    assert (answer.decision, answer.status_class) == ("retry", "unknown_topic")
    assert not answer.local_fault
    assert not answer.may_have_arrived


_BATCH: Final = re.compile(
    rb"\0{8}.{4}.{4}\x02.{4}.{2}\0{4}(?P<at>.{8})(?P=at)(?P<producer>.{8})(?P<epoch>.{2})(?P<number>.{4})",
    re.DOTALL,
)
"""The header of a batch of one record: the numbers by which a broker recognizes that it has the batch."""


def cut_after_the_record(kind: type[KafkaTarget]) -> None:
    """Cut the connection when the first record has arrived: the client sends the same numbered batch again.

    The mock cluster does not compare the numbers, as brokers of Kafka do.
    """
    requests: list[bytes] = []

    def is_first(data: bytes) -> bool:
        if is_produce(data):
            requests.append(data)
        return is_produce(data) and len(requests) == 1

    with Cluster(brokers=1) as cluster, Proxy(cluster.ports[0], is_first) as proxy:
        cluster.announce(1, "127.0.0.1", proxy.port)
        options = {"topic": cluster.add_topic()}
        address = f"kafka://127.0.0.1:{proxy.port}"
        target = granted(address, kind="kafka", secret_name=None, options=options)
        (answer,) = send(kind, target, of=secrets())
    assert answer.decision == "sent"
    first, second = map(_BATCH.search, requests)
    assert first is not None
    assert second is not None
    assert first["producer"] != b"\xff" * 8, "the producer has no number"
    assert first.groups() == second.groups()


def test_a_batch_that_the_client_sends_again_has_its_numbers() -> None:
    cut_after_the_record(KafkaTarget)


def test_a_connection_that_is_lost_in_mid_batch_loses_nothing() -> None:
    """A batch that the client sends again is twice in the mock cluster, which does not compare numbers."""
    with Cluster(brokers=1) as cluster, Proxy(cluster.ports[0]) as proxy:
        cluster.announce(1, "127.0.0.1", proxy.port)
        topic = cluster.add_topic()
        address = f"kafka://127.0.0.1:{proxy.port}"
        target = granted(address, kind="kafka", secret_name=None, options={"topic": topic}, timeout_seconds=4)
        send_through(KafkaTarget, target, proxy.cut, pause=0.05)
        assert proxy.connections > 3, "no connection was lost"
        parts = [[one.headers["webhook-id"] for one in part] for part in cluster.records(topic)]
    check_batches(parts, {key for part in parts for key in part})


def time_out(kind: type[KafkaTarget], place: Topic, cluster: Cluster) -> None:
    """Let a record time out while no broker listens, and look that it is not delivered afterwards."""

    async def run() -> Answer:
        opened = kind(place.target(timeout_seconds=2), secrets())
        await opened.open()
        while (await opened.send(message(1))).decision != "sent":
            await asyncio.sleep(0.1)
        cluster.kill()
        answer = await opened.send(message(2))
        cluster.start()
        while (await opened.send(message(3))).decision != "sent":
            await asyncio.sleep(0.1)
        await asyncio.sleep(2)
        await opened.close()
        return answer

    answer = asyncio.run(run())
    assert (answer.decision, answer.status_class) == ("retry", "timeout")
    assert {one.key for one in place.received()} == {message(1).key, message(3).key}


def test_what_timed_out_is_not_delivered_later(place: Topic, cluster: Cluster) -> None:
    time_out(KafkaTarget, place, cluster)


def test_a_full_queue_of_the_client_is_a_fault_of_the_sender(
    place: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka, "MOST_WAITING", 5)
    answers = send(KafkaTarget, place.unheard(), *(message(n) for n in range(9)), of=secrets())
    assert {one.decision for one in answers} == {"retry"}
    assert sorted(one.status_class for one in answers) == ["local"] * 4 + ["timeout"] * 5
    assert sum(one.local_fault and not one.may_have_arrived for one in answers) == 4


def announce_an_unsafe_address(
    kind: type[KafkaTarget], place: Topic, cluster: Cluster, *numbers: int, seconds: int = 20
) -> Answer:
    """Let brokers be announced at an address that is never allowed, and look that nobody connects to it."""
    with listening() as listener:
        for number in numbers:
            cluster.announce(number, "::ffff:127.0.0.1", listener.port)
        target = place.target(timeout_seconds=seconds)
        answers = send(kind, target, *(contract.message(n) for n in range(20)), of=secrets())
        assert listener.connections() == 0
        return answers[0]


@pytest.mark.parametrize("numbers", [(2,), (1, 2, 3)])
def test_a_broker_with_an_unsafe_address_gets_no_connection(
    place: Topic, cluster: Cluster, numbers: tuple[int, ...]
) -> None:
    answer = announce_an_unsafe_address(KafkaTarget, place, cluster, *numbers)
    assert (answer.decision, answer.status_class, answer.local_fault) == ("retry", "not_safe", False)


def test_a_name_that_resolves_to_loopback_sees_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.getaddrinfo", answers_of({"broker.example.com": ["127.0.0.1"]}))
    with listening() as listener:
        address = f"kafkas://broker.example.com:{listener.port}"
        target = granted(
            address, kind="kafka", secret_name=None, allow_private=False, options={"topic": "t"},
        )  # fmt: skip
        (answer,) = send(KafkaTarget, target, of=secrets())
        assert (answer.decision, answer.status_class, answer.local_fault) == ("retry", "not_safe", False)
        assert listener.connections() == 0


def test_a_name_is_connected_to_at_the_checked_address(
    place: Topic, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without TLS the client gets addresses: for itself it could not resolve this name."""
    monkeypatch.setattr("socket.getaddrinfo", answers_of({"broker.invalid": ["127.0.0.1"]}))
    target = replace(place.target(), address=f"kafka://broker.invalid:{cluster.ports[0]}")
    assert send(KafkaTarget, target, of=secrets())[0].decision == "sent"


def test_a_name_that_has_no_address_is_tried_again(
    place: Topic, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One host that is known is enough."""
    real = socket.getaddrinfo

    def find(host: str, *arguments: Any, **options: Any) -> Any:
        if host.endswith(".example"):
            raise socket.gaierror
        return real(host, *arguments, **options)

    monkeypatch.setattr("socket.getaddrinfo", find)
    target = replace(place.target(), address="kafka://gone.example")
    (answer,) = send(KafkaTarget, target, of=secrets())
    assert (answer.decision, answer.status_class, answer.local_fault) == ("retry", "unknown_host", False)
    target = replace(target, address=f"kafka://gone.example,127.0.0.1:{cluster.ports[0]}")
    assert send(KafkaTarget, target, of=secrets())[0].decision == "sent"


def test_failures_print_nothing(place: Topic, capfd: pytest.CaptureFixture[str]) -> None:
    capfd.readouterr()
    send(KafkaTarget, place.unreachable(), of=secrets())
    assert capfd.readouterr() == ("", "")


class Encrypted:
    """One broker behind TLS, which asks for the certificate of a client if `client` is true."""

    def __init__(self, tmp_path: Path, stack: ExitStack, *, client: bool = False, name: str = "127.0.0.1"):
        self.authority = Authority(tmp_path / "authority")
        self.cluster = stack.enter_context(Cluster(brokers=1))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.authority.issue(name))
        if client:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.authority.certificate)
        self.proxy = stack.enter_context(Proxy(self.cluster.ports[0], tls=context))
        self.cluster.announce(1, "127.0.0.1", self.proxy.port)
        self.topic = self.cluster.add_topic()

    def target(self, **options: str) -> GrantedTarget:
        return granted(
            f"kafkas://127.0.0.1:{self.proxy.port}", kind="kafka", secret_name=None,
            options={"topic": self.topic, **options},
        )  # fmt: skip

    def bind(self, patch: pytest.MonkeyPatch, **texts: str) -> None:
        for name, text in texts.items():
            patch.setenv(f"IU_SECRET_{name}", f"host=127.0.0.1 {text}")


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as made:
        yield made


def test_tls_with_an_authority(tmp_path: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Encrypted(tmp_path, stack)
    place.bind(monkeypatch, AUTHORITY=place.authority.certificate.read_text())
    (answer,) = send(KafkaTarget, place.target(ca_certificate_secret="AUTHORITY"), of=secrets())
    assert answer.decision == "sent"
    assert sum(map(len, place.cluster.records(place.topic))) == 1


def be_deceived(
    kind: type[KafkaTarget], tmp_path: Path, stack: ExitStack, patch: pytest.MonkeyPatch, how: str
) -> None:
    """Let a broker show a certificate of an unknown authority, or for another name."""
    place = Encrypted(tmp_path, stack, name="127.0.0.9" if how == "another name" else "127.0.0.1")
    other = Authority(tmp_path / "other") if how == "another authority" else place.authority
    place.bind(patch, AUTHORITY=other.certificate.read_text())
    options = {} if how == "no authority" else {"ca_certificate_secret": "AUTHORITY"}
    (answer,) = send(kind, place.target(**options), of=secrets())
    assert (answer.decision, answer.status_class) == ("retry", "tls")
    assert not answer.local_fault
    assert not answer.may_have_arrived


@pytest.mark.parametrize("how", ["another authority", "another name", "no authority"])
def test_tls_with_a_wrong_certificate_is_refused(
    tmp_path: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    be_deceived(KafkaTarget, tmp_path, stack, monkeypatch, how)


def test_tls_with_a_client_certificate(
    tmp_path: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Encrypted(tmp_path, stack, client=True)
    certificate, key = place.authority.issue("sender")
    place.bind(
        monkeypatch,
        AUTHORITY=place.authority.certificate.read_text(),
        CLIENT=certificate.read_text() + key.read_text(),
    )
    (refused,) = send(KafkaTarget, place.target(ca_certificate_secret="AUTHORITY"), of=secrets())
    assert (refused.decision, refused.may_have_arrived) == ("retry", False)
    target = place.target(ca_certificate_secret="AUTHORITY", client_certificate_secret="CLIENT")
    assert send(KafkaTarget, target, of=secrets())[0].decision == "sent"


@pytest.mark.parametrize("scheme", ["kafka", "kafkas"])
def test_a_wrong_password_is_a_fault_of_the_sender(
    tmp_path: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    place, gate = Encrypted(tmp_path, stack), Gate("ann", "right-s3cret")
    proxy = stack.enter_context(
        Proxy(place.cluster.ports[0], tls=place.proxy.tls if scheme == "kafkas" else None, before=gate.login)
    )
    place.cluster.announce(1, "127.0.0.1", proxy.port)
    place.bind(monkeypatch, AUTHORITY=place.authority.certificate.read_text(), HOOK="wrong-s3cret")
    options = {"mechanism": "PLAIN", "topic": place.topic}
    if scheme == "kafkas":
        options["ca_certificate_secret"] = "AUTHORITY"
    target = replace(
        place.target(), address=f"{scheme}://ann@127.0.0.1:{proxy.port}", secret_name="HOOK", options=options
    )
    (answer,) = send(KafkaTarget, target, of=secrets())
    assert (answer.decision, answer.status_class, answer.local_fault) == ("retry", "login_refused", True)
    assert not answer.may_have_arrived
    assert "s3cret" not in repr(answer)
    assert (gate.accepted, gate.refused > 0) == (0, True)
    place.bind(monkeypatch, HOOK="right-s3cret")
    assert send(KafkaTarget, target, of=secrets())[0].decision == "sent"
    assert gate.accepted > 0


class Login(Topic):
    """A topic of a cluster of one broker with a login."""

    def __init__(self, cluster: Cluster, stack: ExitStack, patch: pytest.MonkeyPatch) -> None:
        super().__init__(cluster, stack)
        self.canary = f"canary-{uuid4().hex}"
        self._patch = patch
        self._gate = Gate("ann", self.canary)
        self._proxy = stack.enter_context(Proxy(cluster.ports[0], before=self._gate.login))
        cluster.announce(1, "127.0.0.1", self._proxy.port)
        patch.setenv("IU_SECRET_HOOK", f"host=127.0.0.1 {self.canary}")

    def target(self, **changes: Any) -> GrantedTarget:
        options = {"topic": self.topic, "mechanism": "PLAIN"}
        given = super().target(secret_name="HOOK", options=options, **changes)
        return replace(given, address=f"kafka://ann@127.0.0.1:{self._proxy.port}")

    def unreachable(self) -> GrantedTarget:
        return replace(self.target(), address="kafka://ann@127.0.0.1:9")

    def silent(self) -> None:
        return None

    def refusing(self) -> None:
        return None

    def breaking(self) -> None:
        return None

    def change_secret(self) -> bool:
        self._gate.expected = b"\0ann\0another"
        self._proxy.cut()
        self._patch.setenv("IU_SECRET_HOOK", "host=127.0.0.1 another")
        return True


_WITH_LOGIN: Final = (
    "uses_a_changed_secret", "prints_no_secret", "reports_a_missing_secret", "uses_no_secret_for_another_host"
)  # fmt: skip


@pytest.mark.parametrize("name", _WITH_LOGIN)
def test_topics_with_a_login_keep_the_contract(
    name: str, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = stack.enter_context(Cluster(brokers=1))
    asyncio.run(contract.run(name, KafkaTarget, Login(cluster, stack, monkeypatch)))


_BAD = """
kafka://8.8.8.8 kafkas://@8.8.8.8 https://8.8.8.8 kafkas://8.8.8.8/path kafkas://8.8.8.8?ssl.ca.location=/x
kafkas://8.8.8.8#x kafkas://8.8.8.8:0 kafkas://8.8.8.8,127.0.0.1 kafkas://127.0.0.1 kafkas://u:pw@8.8.8.8
kafkas:// kafkas://8.8.8.8, kafkas://u@
"""


@pytest.mark.parametrize("address", _BAD.split())
def test_an_address_has_hosts_and_no_parameters(address: str) -> None:
    secret = "HOOK" if "@" in address else None
    with pytest.raises((ArgumentInvalid, TargetNotSafe)) as refused:
        KafkaTarget.check(address, {"topic": "t"}, secret, private=False)
    assert "pw" not in refused.value.message


@pytest.mark.parametrize(
    "options",
    [{}, {"topic": ""}, {"topic": ".."}, {"topic": "a b"}, {"topic": "t", "acks": "0"}, {"topic": 1},
     {"topic": "t", "mechanism": "GSSAPI"}, {"topic": "t", "mechanism": 1}, {"topic": "x" * 250},
     {"topic": "t", "bootstrap.servers": "127.0.0.1"}, {"topic": "t", "ca_certificate_secret": "/etc/x"}],
)  # fmt: skip
def test_options_are_checked(options: dict[str, Any]) -> None:
    with pytest.raises(ArgumentInvalid):
        KafkaTarget.check("kafkas://u@broker.example", options, "HOOK", private=False)


@pytest.mark.parametrize(
    ("address", "options", "secret"),
    [("kafkas://u@broker.example", {}, None), ("kafkas://broker.example", {}, "HOOK"),
     ("kafkas://broker.example", {"mechanism": "PLAIN"}, None)],
)  # fmt: skip
def test_a_login_is_a_user_and_a_secret(address: str, options: dict[str, str], secret: str | None) -> None:
    with pytest.raises(ArgumentInvalid):
        KafkaTarget.check(address, {"topic": "t", **options}, secret, private=False)


@pytest.mark.parametrize(
    ("address", "private"),
    [("kafkas://u@broker.example", False), ("kafkas://u@a.example,b.example:9094", False),
     ("kafka://u@127.0.0.1", True)],
)  # fmt: skip
@pytest.mark.parametrize("mechanism", kafka.MECHANISMS)
def test_an_address_is_allowed(address: str, private: bool, mechanism: str) -> None:
    KafkaTarget.check(address, {"topic": "t", "mechanism": mechanism}, "HOOK", private=private)


def test_a_live_route_loses_nothing_while_the_brokers_are_down(
    ground: Ground, place: Topic, cluster: Cluster
) -> None:
    ground.add(
        "orders", address=cluster.address(), kind="kafka", secret_name=None,
        options=json.dumps({"topic": place.topic}), timeout_seconds=8, retry_seconds=[1] * 20,
    )  # fmt: skip
    drain_through(ground, lambda: restart(ground, cluster))
    check([json.loads(one.body) for part in place.parts() for one in part])


# Kinds that break one promise each.


class _EventAsKey(kafka.KafkaLink):
    def key(self, message: Message) -> bytes:
        return message.key.encode()


class _NothingAwaited(kafka.KafkaLink):
    async def publish(self, message: Message) -> Answer:
        self.later = asyncio.ensure_future(super().publish(message))
        return Answer("sent", "confirmed")


class _NoNumbers(kafka.KafkaLink):
    def settings(self) -> dict[str, Any]:
        return {**super().settings(), "enable.idempotence": False}


class _LongTimeout(kafka.KafkaLink):
    def settings(self) -> dict[str, Any]:
        return {**super().settings(), "message.timeout.ms": 60_000}


class _UncheckedBrokers(kafka.KafkaLink):
    def check_brokers(self, found: Sequence[Endpoint]) -> None:
        pass


class _NoVerification(kafka.KafkaLink):
    async def config(self) -> dict[str, Any]:
        return {**await super().config(), "enable.ssl.certificate.verification": False}


class PartitionsByEvent(KafkaTarget):
    link = _EventAsKey


class AwaitsNothing(KafkaTarget):
    link = _NothingAwaited


class HasAnotherKey(KafkaTarget):
    async def send(self, message: Message) -> Answer:
        headers = {**message.headers, "webhook-id": uuid4().hex}
        return await super().send(replace(message, headers=headers))


class IsNotIdempotent(KafkaTarget):
    link = _NoNumbers


class SendsLater(KafkaTarget):
    link = _LongTimeout

    def _retire(self, link: Link) -> None:
        pass


class ChecksNoBroker(KafkaTarget):
    link = _UncheckedBrokers


class VerifiesNothing(KafkaTarget):
    link = _NoVerification


@pytest.mark.parametrize(
    ("kind", "name"),
    [(PartitionsByEvent, "keeps_the_order_of_a_subject"), (AwaitsNothing, "reports_a_refusal"),
     (AwaitsNothing, "ends_within_the_timeout"), (HasAnotherKey, "sends_the_same_key_again")],
)  # fmt: skip
def test_the_contract_finds_a_kind_that_breaks_it(kind: type[KafkaTarget], name: str, place: Topic) -> None:
    with pytest.raises(AssertionError):
        asyncio.run(contract.run(name, kind, place))


def test_a_producer_that_is_not_idempotent_is_found() -> None:
    with pytest.raises(AssertionError):
        cut_after_the_record(IsNotIdempotent)


def test_a_kind_that_sends_later_is_found(place: Topic, cluster: Cluster) -> None:
    with pytest.raises(AssertionError):
        time_out(SendsLater, place, cluster)


def test_a_kind_that_checks_no_broker_is_found(place: Topic, cluster: Cluster) -> None:
    with pytest.raises(AssertionError):
        announce_an_unsafe_address(ChecksNoBroker, place, cluster, 2, seconds=5)


@pytest.mark.parametrize("how", ["another authority", "another name", "no authority"])
def test_a_kind_that_verifies_no_certificate_is_found(
    tmp_path: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    with pytest.raises(AssertionError):
        be_deceived(VerifiesNothing, tmp_path, stack, monkeypatch, how)

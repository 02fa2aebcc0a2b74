"""Targets of kind amqp, against Debian's RabbitMQ: what is confirmed is in the queue, in order, once."""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest
from aio_pika import DeliveryMode

from delivery.broker_drain import check, check_batches, drain_through, restart, send_through
from delivery.kind_parts import Authority, answers_of, deaf, granted, listening, message, secrets, send
from delivery.proxy import Proxy
from delivery.rabbitmq import Rabbit
from delivery.sending import Ground
from iu_pipelines import settings
from iu_pipelines.delivery import amqp, contract
from iu_pipelines.delivery.amqp import AmqpTarget
from iu_pipelines.delivery.contract import Place, Received
from iu_pipelines.delivery.kind import Answer, Message
from iu_pipelines.delivery.secrets import Secrets
from iu_pipelines.domain.targets import GrantedTarget
from iu_pipelines.errors import ArgumentInvalid, TargetNotSafe

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
        return replace(self.behind("silence"), timeout_seconds=4)

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


# What the contract does not say.


def _bound(patch: pytest.MonkeyPatch, password: str, **others: str) -> Secrets:
    for name, text in {"HOOK": password, **others}.items():
        patch.setenv(f"IU_SECRET_{name}", f"host=127.0.0.1 {text}")
    return secrets()


def test_a_message_is_a_persistent_cloud_event(place: Exchange, rabbit: Rabbit) -> None:
    one = message(5, subject="doc/ü")
    (answer,) = send(AmqpTarget, place.target(), one, of=secrets())
    assert answer == Answer("sent", "confirmed")
    (found,) = rabbit.taken(place.queue)
    assert (found.key, found.body, found.is_persistent) == (one.key, one.body, True)
    assert (found.routing_key, found.content_type) == ("version_applied", "application/json")
    assert found.headers == {
        "cloudEvents:specversion": "1.0", "cloudEvents:id": one.key, "cloudEvents:type": "version_applied",
        "cloudEvents:source": "/iu", "cloudEvents:subject": "doc/ü",
        "cloudEvents:time": "2026-11-27T00:00:00+00:00", "webhook-id": one.key, "iu-attempt": "1",
    }  # fmt: skip


def test_the_default_exchange_routes_by_the_name_of_a_queue(place: Exchange, rabbit: Rabbit) -> None:
    target = place.target(options={"exchange": "", "routing_key": place.queue})
    assert send(AmqpTarget, target, of=secrets())[0].decision == "sent"
    assert len(rabbit.taken(place.queue)) == 1


@pytest.mark.parametrize("limit", ["x_max_length", "x_max_length_bytes"])
def test_a_full_queue_is_tried_again(place: Exchange, rabbit: Rabbit, limit: str) -> None:
    size = 1 if limit == "x_max_length" else len(message(1).body) + 1
    full = rabbit.add_queue(x_overflow="reject-publish", **{limit: size})
    target = place.target(options={"exchange": full})
    answers = send(AmqpTarget, target, *(message(number) for number in range(1, 6)), of=secrets())
    sent = [one for one in answers if one.decision == "sent"]
    assert {(one.decision, one.status_class) for one in answers} == {
        ("sent", "confirmed"),
        ("retry", "nacked"),
    }
    assert len(rabbit.taken(full)) == len(sent)
    assert send(AmqpTarget, target, of=secrets())[0].decision == "sent"


def route_to_nobody(kind: type[AmqpTarget], place: Exchange) -> None:
    """Send messages that the exchange routes to no queue."""
    target = place.target(options={"exchange": "amq.topic", "routing_key": "nobody"})
    answers = send(kind, target, message(1), message(2), of=secrets())
    assert {(one.decision, one.status_class) for one in answers} == {("retry", "unroutable")}
    assert not any(one.may_have_arrived or one.local_fault for one in answers)


def test_a_message_without_a_queue_is_tried_again(place: Exchange) -> None:
    route_to_nobody(AmqpTarget, place)


def test_an_exchange_that_does_not_exist_is_tried_again(place: Exchange) -> None:
    answers = send(
        AmqpTarget, place.target(options={"exchange": "gone"}), message(1), message(2), of=secrets()
    )
    assert {(one.decision, one.status_class) for one in answers} == {("retry", "no_exchange")}
    assert not any(one.may_have_arrived or one.local_fault for one in answers)


def test_an_exchange_that_is_deleted_is_noticed(place: Exchange, rabbit: Rabbit) -> None:
    async def run() -> list[Answer]:
        opened = AmqpTarget(place.target(), secrets())
        await opened.open()
        answers = [await opened.send(message(1))]
        await asyncio.to_thread(rabbit.use, lambda channel: channel.exchange_delete(place.queue))
        answers += [await opened.send(message(2)), await opened.send(message(2))]
        await opened.close()
        return answers

    found = [(one.decision, one.status_class, one.may_have_arrived) for one in asyncio.run(run())]
    assert found == [
        ("sent", "confirmed", False), ("retry", "no_exchange", False), ("retry", "no_exchange", False)
    ]  # fmt: skip


def test_a_wrong_password_is_a_fault_of_the_sender(place: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    (answer,) = send(AmqpTarget, place.target(), of=_bound(monkeypatch, "wrong-s3cret"))
    assert (answer.decision, answer.status_class, answer.local_fault) == ("retry", "login_refused", True)
    assert not answer.may_have_arrived
    assert "wrong-s3cret" not in repr(answer)


def test_a_login_that_may_not_write_is_a_fault_of_the_sender(
    place: Exchange, rabbit: Rabbit, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = rabbit.add_user("pw", write="^$")
    target = replace(place.target(), address=rabbit.address(user))
    (answer,) = send(AmqpTarget, target, of=_bound(monkeypatch, "pw"))
    assert (answer.decision, answer.status_class, answer.local_fault) == ("retry", "login_refused", True)
    assert not answer.may_have_arrived


def test_a_virtual_host_that_does_not_exist_is_a_fault_of_the_sender(place: Exchange, rabbit: Rabbit) -> None:
    target = replace(place.target(), address=rabbit.address(place.user).replace("%2F", "absent"))
    (answer,) = send(AmqpTarget, target, of=secrets())
    assert (answer.decision, answer.status_class, answer.local_fault) == ("retry", "login_refused", True)


def test_a_connection_that_is_lost_in_mid_batch_loses_nothing(place: Exchange, rabbit: Rabbit) -> None:
    """Each message that was not confirmed is sent again; nothing is missing, and order is kept."""
    with Proxy(rabbit.port) as proxy:
        target = replace(place.target(), address=rabbit.address(place.user, port=proxy.port))
        unsure = send_through(AmqpTarget, target, proxy.cut, pause=0.02)
        assert proxy.connections > 1, "no connection was lost"
    check_batches([[one.key for one in rabbit.taken(place.queue)]], unsure)


def kill_in_mid_batch(kind: type[AmqpTarget], place: Exchange, rabbit: Rabbit) -> None:
    """Kill the node while sends are in flight, and compare what was confirmed with what the queue has."""
    answers: dict[str, Answer] = {}
    numbers = itertools.count(1)

    async def send_in_turn(opened: AmqpTarget) -> None:
        answer = None
        while answer is None or answer.decision == "sent":
            one = message(next(numbers))
            answer = answers[one.key] = await opened.send(one)

    async def run() -> str:
        opened = kind(place.target(timeout_seconds=60), secrets())
        await opened.open()
        sending = asyncio.gather(*(send_in_turn(opened) for _ in range(50)))
        while len(answers) < 200 and not sending.done():
            await asyncio.sleep(0.001)
        await asyncio.to_thread(rabbit.kill)
        await sending
        await asyncio.to_thread(rabbit.start)
        last = message(next(numbers))
        assert (await opened.send(last)).decision == "sent"
        await opened.close()
        return last.key

    last = asyncio.run(run())
    sent = {key for key, one in answers.items() if one.decision == "sent"}
    unsure = {key for key, one in answers.items() if one.may_have_arrived}
    assert len(sent) > 100
    assert unsure, "the node was killed when nothing was in flight"
    assert not any(one.local_fault for one in answers.values())
    found = {one.key for one in rabbit.taken(place.queue)}
    assert sent <= found, "a confirmed message was lost"
    assert found <= sent | unsure | {last}


def test_a_node_that_is_killed_loses_no_confirmed_message(place: Exchange, rabbit: Rabbit) -> None:
    kill_in_mid_batch(AmqpTarget, place, rabbit)


def test_an_alarm_of_memory_ends_in_the_timeout(place: Exchange, rabbit: Rabbit) -> None:
    async def run() -> Answer:
        opened = AmqpTarget(place.target(timeout_seconds=2), secrets())
        await opened.open()
        while (await opened.send(message(1))).decision != "sent":
            await asyncio.sleep(0.1)
        await asyncio.to_thread(rabbit.control, "set_vm_memory_high_watermark", "0.000001")
        try:
            return await opened.send(message(2))
        finally:
            await asyncio.to_thread(rabbit.control, "set_vm_memory_high_watermark", "0.4")
            await opened.close()

    answer = asyncio.run(run())
    assert (answer.decision, answer.status_class) == ("retry", "timeout")
    assert answer.may_have_arrived
    assert not answer.local_fault
    assert send(AmqpTarget, place.target(), of=secrets())[0].decision == "sent"


def test_a_login_that_gets_no_answer_ends_in_the_timeout(place: Exchange) -> None:
    with listening() as listener:
        address = f"amqp://u@127.0.0.1:{listener.port}/"
        target = replace(place.target(), address=address, timeout_seconds=1)
        (answer,) = send(AmqpTarget, target, of=secrets())
        assert (answer.decision, answer.status_class, answer.may_have_arrived) == ("retry", "timeout", False)
        assert listener.connections() > 0


def test_many_sends_share_one_connection(place: Exchange, rabbit: Rabbit) -> None:
    with Proxy(rabbit.port) as proxy:
        target = replace(place.target(), address=rabbit.address(place.user, port=proxy.port))
        answers = send(AmqpTarget, target, *(message(number) for number in range(100)), of=secrets())
        assert {one.decision for one in answers} == {"sent"}
        assert proxy.connections == 1


def test_the_next_host_is_used_if_the_first_does_not_listen(place: Exchange, rabbit: Rabbit) -> None:
    address = f"amqp://{place.user}@127.0.0.1:9,127.0.0.1:{rabbit.port}/%2F"
    assert send(AmqpTarget, replace(place.target(), address=address), of=secrets())[0].decision == "sent"


def test_the_next_host_is_used_if_the_first_takes_no_connection(place: Exchange, rabbit: Rabbit) -> None:
    """A host that is switched off does not refuse. Each host has its share of the timeout."""
    with deaf() as port:
        address = f"amqp://{place.user}@127.0.0.1:{port},127.0.0.1:{rabbit.port}/%2F"
        target = replace(place.target(), address=address)
        assert send(AmqpTarget, target, of=secrets())[0].decision == "sent"


@pytest.fixture
def certificates(rabbit: Rabbit, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Bind the authority and a client certificate to the host, and return the options that name them."""
    certificate, key = rabbit.authority.issue("sender")
    for name, text in {
        "AUTHORITY": rabbit.authority.certificate.read_text(),
        "CLIENT": certificate.read_text() + key.read_text(),
    }.items():
        monkeypatch.setenv(f"IU_SECRET_{name}", f"host=127.0.0.1,broker.example {text}")
    return {"ca_certificate_secret": "AUTHORITY", "client_certificate_secret": "CLIENT"}


def _encrypted(place: Exchange, rabbit: Rabbit, options: dict[str, str], **changes: Any) -> GrantedTarget:
    given = place.target(options={"exchange": place.queue, **options})
    return replace(given, address=rabbit.address(place.user, "amqps"), **changes)


def test_tls_with_a_client_certificate(place: Exchange, rabbit: Rabbit, certificates: dict[str, str]) -> None:
    assert send(AmqpTarget, _encrypted(place, rabbit, certificates), of=secrets())[0].decision == "sent"
    assert len(rabbit.taken(place.queue)) == 1


@pytest.mark.parametrize("missing", ["ca_certificate_secret", "client_certificate_secret"])
def test_tls_needs_both_certificates(
    place: Exchange, rabbit: Rabbit, certificates: dict[str, str], missing: str
) -> None:
    del certificates[missing]
    (answer,) = send(AmqpTarget, _encrypted(place, rabbit, certificates), of=secrets())
    assert (answer.decision, answer.local_fault, answer.may_have_arrived) == ("retry", False, False)
    assert answer.status_class in ({"tls"} if missing.startswith("ca_") else {"tls", "closed"})
    assert not rabbit.taken(place.queue)


def be_deceived(
    kind: type[AmqpTarget], place: Exchange, rabbit: Rabbit, options: dict[str, str], tmp_path: Path,
    patch: pytest.MonkeyPatch, how: str,
) -> None:  # fmt: skip
    """Let the node show a certificate of an unknown authority, or for another name than that of the host."""
    target = _encrypted(place, rabbit, options)
    if how == "another authority":
        other = Authority(tmp_path / "other").certificate.read_text()
        patch.setenv("IU_SECRET_AUTHORITY", f"host=127.0.0.1 {other}")
    else:
        patch.setattr("socket.getaddrinfo", answers_of({"broker.example": ["127.0.0.1"]}))
        patch.setenv("IU_SECRET_HOOK", f"host=broker.example {place.canary}")
        target = replace(target, address=target.address.replace("127.0.0.1", "broker.example"))
    (answer,) = send(kind, target, of=secrets())
    assert (answer.decision, answer.status_class, answer.may_have_arrived) == ("retry", "tls", False)


@pytest.mark.parametrize("how", ["another authority", "another name"])
def test_tls_with_a_wrong_certificate_is_refused(
    place: Exchange, rabbit: Rabbit, certificates: dict[str, str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, how: str,
) -> None:  # fmt: skip
    be_deceived(AmqpTarget, place, rabbit, certificates, tmp_path, monkeypatch, how)


def test_a_name_that_resolves_to_loopback_sees_no_connection(
    place: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.getaddrinfo", answers_of({"broker.example.com": ["127.0.0.1"]}))
    monkeypatch.setenv("IU_SECRET_HOOK", "host=broker.example.com x")
    with listening() as listener:
        address = f"amqps://u@broker.example.com:{listener.port}/"
        target = replace(place.target(), address=address, allow_private=False)
        (answer,) = send(AmqpTarget, target, of=secrets())
        assert (answer.decision, answer.status_class, answer.local_fault) == ("retry", "not_safe", False)
        assert listener.connections() == 0
        target = replace(target, allow_private=True, timeout_seconds=3)
        (answer,) = send(AmqpTarget, target, of=secrets())
        assert answer.decision == "retry"
        assert listener.connections() > 0, "the listener would have seen a connection"


def test_a_name_that_has_no_address_is_tried_again(place: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise socket.gaierror

    monkeypatch.setenv("IU_SECRET_HOOK", "host=broker.example.com x")
    monkeypatch.setattr("iu_pipelines.delivery.addresses.socket.getaddrinfo", fail)
    target = replace(place.target(), address="amqps://u@broker.example.com/")
    (answer,) = send(AmqpTarget, target, of=secrets())
    assert (answer.decision, answer.status_class, answer.local_fault) == ("retry", "unknown_host", False)


_BAD = """
amqp://u@8.8.8.8/ amqps://8.8.8.8/ amqps://@8.8.8.8/ https://u@8.8.8.8/ amqps://u@8.8.8.8/a%25b
amqps://u@8.8.8.8/?heartbeat=1 amqps://u@8.8.8.8/v?no_verify_ssl=1 amqps://u@8.8.8.8/#x amqps://u@8.8.8.8:0/
amqps://u@8.8.8.8,127.0.0.1/ amqps://u@127.0.0.1/ amqps://u:pw@8.8.8.8/ amqps://u@8.8.8.8/%00 amqps://u@/
amqps://u@8.8.8.8/v%0d%0a
"""


@pytest.mark.parametrize("address", _BAD.split())
def test_an_address_has_a_user_and_no_parameters(address: str) -> None:
    with pytest.raises((ArgumentInvalid, TargetNotSafe)) as refused:
        AmqpTarget.check(address, {"exchange": "e"}, "HOOK", private=False)
    assert "pw" not in refused.value.message


@pytest.mark.parametrize(
    "options",
    [{}, {"exchange": 1}, {"exchange": "x" * 128}, {"exchange": "a\nb"},
     {"exchange": "e", "routing_key": "ü"}, {"exchange": "e", "heartbeat": 1},
     {"exchange": "e", "ca_certificate_secret": "not a name"}],
)  # fmt: skip
def test_options_are_checked(options: dict[str, Any]) -> None:
    with pytest.raises(ArgumentInvalid):
        AmqpTarget.check("amqps://u@broker.example/", options, "HOOK", private=False)


@pytest.mark.parametrize(
    ("address", "private"),
    [("amqps://u@broker.example/", False), ("amqps://u@a.example,b.example:5671/orders", False),
     ("amqps://a%40b@broker.example/%2F", False), ("amqp://u@127.0.0.1:5672", True)],
)  # fmt: skip
def test_an_address_is_allowed(address: str, private: bool) -> None:
    AmqpTarget.check(address, {"exchange": ""}, "HOOK", private=private)


def test_the_secret_is_needed() -> None:
    with pytest.raises(ArgumentInvalid, match="needs a secret"):
        AmqpTarget.check("amqps://u@broker.example/", {"exchange": ""}, None, private=False)


@pytest.mark.parametrize("outage", ["killed", "connections lost"])
def test_a_live_route_loses_nothing_while_the_node_fails(
    ground: Ground, rabbit: Rabbit, monkeypatch: pytest.MonkeyPatch, outage: str
) -> None:
    queue, user = rabbit.add_queue(), rabbit.add_user("pw")
    monkeypatch.setenv("IU_SECRET_HOOK", "host=127.0.0.1 pw")
    ground.add(
        "orders", address=rabbit.address(user), kind="amqp", options=json.dumps({"exchange": queue}),
        timeout_seconds=5, retry_seconds=[1] * 20,
    )  # fmt: skip

    def interrupt() -> None:
        if outage == "killed":
            restart(ground, rabbit)
        else:
            rabbit.close_connections(user)

    drain_through(ground, interrupt)
    check([json.loads(one.body) for one in rabbit.taken(queue)])


# Kinds that break one promise each.


class _NothingAwaited(amqp.AmqpLink):
    async def publish(self, message: Message) -> Answer:
        self.later = asyncio.ensure_future(super().publish(message))
        return Answer("sent", "confirmed")


class _NackIsSent(amqp.AmqpLink):
    async def publish(self, message: Message) -> Answer:
        answer = await super().publish(message)
        return Answer("sent", "confirmed") if answer.status_class == "nacked" else answer


class _ReturnIsSent(amqp.AmqpLink):
    async def publish(self, message: Message) -> Answer:
        answer = await super().publish(message)
        return Answer("sent", "confirmed") if answer.status_class == "unroutable" else answer


class _NoVerification(amqp.AmqpLink):
    async def open(self) -> None:
        context = self._transport._context
        assert context is not None
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        await super().open()


class AwaitsNothing(AmqpTarget):
    link = _NothingAwaited


class TreatsANackAsSent(AmqpTarget):
    link = _NackIsSent


class TreatsAReturnAsSent(AmqpTarget):
    link = _ReturnIsSent


class VerifiesNothing(AmqpTarget):
    link = _NoVerification


class HasAnotherKey(AmqpTarget):
    async def send(self, message: Message) -> Answer:
        return await super().send(replace(message, key=uuid4().hex))


@pytest.mark.parametrize(
    ("kind", "name"),
    [(AwaitsNothing, "reports_a_refusal"), (AwaitsNothing, "ends_within_the_timeout"),
     (TreatsANackAsSent, "reports_a_refusal"), (HasAnotherKey, "sends_the_same_key_again")],
)  # fmt: skip
def test_the_contract_finds_a_kind_that_breaks_it(kind: type[AmqpTarget], name: str, place: Exchange) -> None:
    with pytest.raises(AssertionError):
        asyncio.run(contract.run(name, kind, place))


def test_a_kind_that_treats_a_return_as_sent_is_found(place: Exchange) -> None:
    with pytest.raises(AssertionError):
        route_to_nobody(TreatsAReturnAsSent, place)


def test_a_kind_that_sends_what_is_not_persistent_is_found(
    place: Exchange, rabbit: Rabbit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(amqp, "PERSISTENT", DeliveryMode.NOT_PERSISTENT)
    with pytest.raises(AssertionError, match="a confirmed message was lost"):
        kill_in_mid_batch(AmqpTarget, place, rabbit)


@pytest.mark.parametrize("how", ["another authority", "another name"])
def test_a_kind_that_verifies_no_certificate_is_found(
    place: Exchange, rabbit: Rabbit, certificates: dict[str, str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, how: str,
) -> None:  # fmt: skip
    with pytest.raises(AssertionError):
        be_deceived(VerifiesNothing, place, rabbit, certificates, tmp_path, monkeypatch, how)

"""Targets of kind nats, against nats-server: what is acknowledged is in the stream, in order, once."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest
from nats.aio.client import Client

from delivery.broker_drain import accepted_through_kills, check, drain_through, restart
from delivery.kind_parts import Authority, granted, listening, message, secrets, send
from delivery.nats_server import TOKEN, NatsServer
from delivery.proxy import Proxy
from delivery.sending import Ground
from dev_server import free_port
from iu_pipelines import settings
from iu_pipelines.delivery import brokers, contract
from iu_pipelines.delivery.contract import Place, Received
from iu_pipelines.delivery.kind import Answer, Message, TargetKind
from iu_pipelines.delivery.links import Link
from iu_pipelines.delivery.nats import NatsTarget
from iu_pipelines.delivery.secrets import Secrets
from iu_pipelines.domain.targets import GrantedTarget
from iu_pipelines.errors import ArgumentInvalid, TargetNotSafe
from waiting import eventually

_MANY: Final = 40
_DAY: Final = 86_400.0


@pytest.fixture
def broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[NatsServer]:
    """Yield a server with the stream EVENTS, and its token as the secret HOOK."""
    made = NatsServer(tmp_path)
    monkeypatch.setenv("IU_SECRET_HOOK", f"host=127.0.0.1 {TOKEN}")
    made.add_stream(duplicate_window=_DAY)
    yield made
    made.remove()


def target(address: str, **changes: Any) -> GrantedTarget:
    given = {"kind": "nats", "options": {"subject": "events"}, "timeout_seconds": 10, **changes}
    return granted(address, **given)


def is_publish(data: bytes) -> bool:
    return b"HPUB " in data


class Subject(Place):
    """A subject of a stream on disk."""

    canary = TOKEN
    unsafe_addresses = (
        "tls://127.0.0.1",
        "tls://10.0.0.1",
        "tls://169.254.169.254",
        "tls://[::1]",
        "tls://8.8.8.8,127.0.0.1",
        "nats://8.8.8.8",
    )
    password_address = "tls://ann:s3cret@127.0.0.1"

    def __init__(self, broker: NatsServer, patch: pytest.MonkeyPatch, stack: ExitStack) -> None:
        self._server = broker
        self._patch = patch
        self._stack = stack

    def target(self) -> GrantedTarget:
        return target(self._server.address)

    def secrets(self) -> Secrets:
        return Secrets(settings.load())

    def received(self) -> Sequence[Received]:
        return [Received(one.key, one.body, one.headers) for one in self._server.stored()]

    def unreachable(self) -> GrantedTarget:
        return target("nats://127.0.0.1:9")

    def _behind(self, act: str) -> GrantedTarget:
        proxy = self._stack.enter_context(Proxy(self._server.port, is_publish, act))
        return target(f"nats://127.0.0.1:{proxy.port}")

    def silent(self) -> GrantedTarget:
        return replace(self._behind("silence"), timeout_seconds=4)

    def refusing(self) -> GrantedTarget:
        self._server.add_stream("FULL", "full", max_bytes=1)
        return target(self._server.address, options={"subject": "full"})

    def breaking(self) -> GrantedTarget:
        return self._behind("cut")

    def parts(self) -> Sequence[Sequence[Received]]:
        return [self.received()]

    def stop(self) -> bool:
        self._server.kill()
        return True

    def start(self) -> None:
        self._server.start()

    def change_secret(self) -> bool:
        self._server.change_token("another")
        self._patch.setenv("IU_SECRET_HOOK", "host=127.0.0.1 another")
        return True


@pytest.fixture
def place(broker: NatsServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Subject]:
    with ExitStack() as stack:
        yield Subject(broker, monkeypatch, stack)


@pytest.mark.parametrize("name", contract.scenarios(NatsTarget))
def test_subjects_keep_the_contract(name: str, place: Subject) -> None:
    asyncio.run(contract.run(name, NatsTarget, place))


def check_that_the_key_is_the_id(found: type[TargetKind], broker: NatsServer) -> None:
    """A message that is sent again, by another sender, is in the stream once, under its key."""
    first = send(found, target(broker.address), message(1), message(2), of=secrets())
    again = send(found, target(broker.address), message(2), message(3), of=secrets())
    assert [one.status_class for one in (*first, *again)] == ["stored", "stored", "duplicate", "stored"]
    assert [one.key for one in broker.stored()] == [message(number).key for number in (1, 2, 3)]


def test_the_key_is_the_id_of_the_message_and_a_duplicate_counts_as_sent(broker: NatsServer) -> None:
    check_that_the_key_is_the_id(NatsTarget, broker)
    (first, *_) = broker.stored()
    assert first.headers["webhook-id"] == first.headers["ce-id"] == message(1).key
    assert first.headers["ce-specversion"] == "1.0"
    assert first.headers["ce-datacontenttype"] == "application/json"
    assert json.loads(first.body) == json.loads(message(1).body)


def test_after_the_window_of_the_stream_the_key_still_tells_a_duplicate(broker: NatsServer) -> None:
    broker.update_stream(duplicate_window=0.1)
    send(NatsTarget, target(broker.address), message(1), of=secrets())

    def is_stored_again() -> bool:
        (answer,) = send(NatsTarget, target(broker.address), message(1), of=secrets())
        return answer.status_class == "stored"

    eventually(is_stored_again, "the server forgets the key some time after the window")
    assert {one.key for one in broker.stored()} == {message(1).key}


def test_a_subject_that_no_stream_takes_is_reported(broker: NatsServer) -> None:
    (answer,) = send(NatsTarget, target(broker.address, options={"subject": "other"}), of=secrets())
    assert (answer.decision, answer.status_class) == ("retry", "no_stream")
    assert not answer.may_have_arrived
    assert not answer.local_fault


def test_an_expected_stream_that_is_another_refuses_the_message(broker: NatsServer) -> None:
    for stream, decision, status in (("EVENTS", "sent", "stored"), ("ORDERS", "retry", "other_stream")):
        options = {"subject": "events", "stream": stream}
        (answer,) = send(NatsTarget, target(broker.address, options=options), of=secrets())
        assert (answer.decision, answer.status_class) == (decision, status)


def check_a_full_stream(found: type[TargetKind], broker: NatsServer) -> None:
    """A full stream takes nothing, and says so, until there is room."""
    broker.update_stream(max_msgs=2)
    answers = send(found, target(broker.address), *map(message, range(1, 5)), of=secrets())
    stored = [answer.status_class for answer in answers]
    assert sorted(stored) == ["full", "full", "stored", "stored"], answers
    assert len(broker.stored()) == 2
    broker.update_stream(max_msgs=100)
    again = send(found, target(broker.address), *map(message, range(1, 5)), of=secrets())
    assert all(answer.decision == "sent" for answer in again)
    assert len(broker.stored()) == 4


def test_a_full_stream_refuses_until_there_is_room(broker: NatsServer) -> None:
    check_a_full_stream(NatsTarget, broker)


@pytest.mark.parametrize("limit", [{"max_bytes": 1}, {"max_msg_size": 1}])
def test_a_message_that_does_not_fit_is_tried_again(broker: NatsServer, limit: dict[str, Any]) -> None:
    broker.add_stream("SMALL", "small", **limit)
    (answer,) = send(NatsTarget, target(broker.address, options={"subject": "small"}), of=secrets())
    assert (answer.decision, answer.may_have_arrived) == ("retry", False)
    assert answer.status_class == ("full" if "max_bytes" in limit else "too_large")


def check_a_loss_in_mid_batch(found: type[TargetKind], broker: NatsServer) -> None:
    """The connection is lost while many messages are sent: what was not acknowledged is sent again, once."""
    count = 0

    def is_late(data: bytes) -> bool:
        nonlocal count
        count += data.count(b"HPUB ")
        return count > _MANY // 2

    many = [message(number, str(uuid4())) for number in range(1, _MANY + 1)]

    async def run(address: str) -> tuple[list[Answer], list[Answer]]:
        opened = found(target(address), secrets())
        try:
            await opened.open()
            first = [await opened.send(one) for one in many[:10]]
            first += await asyncio.gather(*(opened.send(one) for one in many[10:]))
            left = [one for one, answer in zip(many, first, strict=True) if answer.decision != "sent"]
            return first, list(await asyncio.gather(*(opened.send(one) for one in left)))
        finally:
            await opened.close()

    with Proxy(broker.port, is_late) as proxy:
        first, again = asyncio.run(run(f"nats://127.0.0.1:{proxy.port}"))
        proxy.cut()
    lost = [answer for answer in first if answer.decision != "sent"]
    assert lost
    assert {(answer.status_class, answer.may_have_arrived) for answer in lost} == {("closed", True)}
    count = -10_000
    sent = send(found, target(broker.address), *many, of=secrets())
    assert all(answer.decision == "sent" for answer in sent), again
    assert sorted(one.key for one in broker.stored()) == sorted(one.key for one in many)


def test_a_connection_that_is_lost_in_mid_batch_loses_nothing(broker: NatsServer) -> None:
    check_a_loss_in_mid_batch(NatsTarget, broker)


def test_what_was_acknowledged_outlives_a_kill_of_the_server(broker: NatsServer) -> None:
    accepted = accepted_through_kills(NatsTarget, target(broker.address), broker)
    assert len(accepted) == 60
    assert [one.key for one in broker.stored()] == accepted


def test_events_of_a_live_route_arrive_in_order_although_the_server_is_restarted(
    ground: Ground, broker: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IU_SECRET_HOOK", f"host=127.0.0.1 {TOKEN}")
    ground.add(
        "orders", address=broker.address, kind="nats", options=json.dumps({"subject": "events"}),
        timeout_seconds=5, retry_seconds=[1] * 20,
    )  # fmt: skip
    drain_through(ground, lambda: restart(ground, broker))
    assert check([json.loads(one.body) for one in broker.stored()]) == 0


def test_a_wrong_token_is_a_fault_of_the_sender(broker: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IU_SECRET_HOOK", "host=127.0.0.1 wrong")
    for secret_name in ("HOOK", None):
        (answer,) = send(NatsTarget, target(broker.address, secret_name=secret_name), of=secrets())
        assert (answer.decision, answer.status_class, answer.local_fault) == ("retry", "login_refused", True)
        assert not answer.may_have_arrived


@pytest.fixture
def users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[NatsServer]:
    """Yield a server with a user that may do all, one that may not publish, and one that is not answered."""
    forbidden = {"publish": {"deny": ["events"]}}
    logins = [
        {"user": "ann", "password": "of ann"},
        {"user": "bob", "password": "of bob", "permissions": forbidden},
        {"user": "eve", "password": "of eve", "permissions": {"subscribe": {"deny": ["_INBOX.>"]}}},
    ]
    made = NatsServer(tmp_path, authorization={"users": logins})
    made.log_in(user="ann", password="of ann")
    made.add_stream()
    yield made
    made.remove()


@pytest.mark.parametrize(
    ("user", "password", "expected"),
    [
        ("ann", "of ann", "stored"),
        ("ann", "of bob", "login_refused"),
        ("bob", "of bob", "not_permitted"),
        ("eve", "of eve", "not_permitted"),
    ],
)
def test_a_user_needs_its_password_and_the_permission(
    users: NatsServer, user: str, password: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IU_SECRET_HOOK", f"host=127.0.0.1 {password}")
    (answer,) = send(NatsTarget, target(f"nats://{user}@127.0.0.1:{users.port}"), of=secrets())
    assert answer.status_class == expected
    assert answer.local_fault == (expected != "stored")
    assert not answer.may_have_arrived
    assert len(users.stored()) == (expected == "stored")


def test_a_login_that_gets_no_acknowledgements_never_publishes(
    users: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IU_SECRET_HOOK", "host=127.0.0.1 of eve")
    for _ in range(30):
        (answer,) = send(NatsTarget, target(f"nats://eve@127.0.0.1:{users.port}"), of=secrets())
        assert (answer.status_class, answer.may_have_arrived) == ("not_permitted", False)
    assert users.stored() == []


@pytest.fixture
def tls_server(tmp_path: Path) -> Iterator[Callable[[str], NatsServer]]:
    """Yield a function that starts a server with a certificate for a name."""
    authority = Authority(tmp_path / "authority")
    made: list[NatsServer] = []

    def make(host: str) -> NatsServer:
        certificate, key = authority.issue(host)
        found = NatsServer(tmp_path, tls={"cert_file": str(certificate), "key_file": str(key)})
        trusted = ssl.create_default_context(cafile=str(authority.certificate))
        trusted.check_hostname = False
        found.log_in(token=TOKEN, tls=trusted)
        found.add_stream()
        made.append(found)
        return found

    yield make
    for one in made:
        one.remove()


def check_tls(
    found: type[TargetKind], make: Callable[[str], NatsServer], directory: Path, patch: pytest.MonkeyPatch
) -> None:
    """A certificate must be that of the host and of an authority that the target trusts."""
    own = make("127.0.0.1")
    other = make("nats.example.com")
    trusted = (directory / "authority" / "authority.pem").read_text()
    stranger = Authority(directory / "stranger").certificate.read_text()
    patch.setenv("IU_SECRET_HOOK", f"host=127.0.0.1 {TOKEN}")
    options = {"subject": "events", "ca_certificate_secret": "AUTHORITY"}
    for broker, authority, expected in (
        (own, trusted, "stored"),
        (own, stranger, "tls"),
        (other, trusted, "tls"),
    ):
        patch.setenv("IU_SECRET_AUTHORITY", f"host=127.0.0.1 {authority}")
        (answer,) = send(found, target(f"tls://127.0.0.1:{broker.port}", options=options), of=secrets())
        assert answer.status_class == expected, answer
        assert not answer.may_have_arrived
    (answer,) = send(found, target(f"tls://127.0.0.1:{own.port}"), of=secrets())
    assert answer.status_class == "tls", answer


def test_a_certificate_is_verified(
    tls_server: Callable[[str], NatsServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_tls(NatsTarget, tls_server, tmp_path, monkeypatch)


def test_nothing_is_sent_in_clear_text_to_a_server_that_does_not_encrypt(broker: NatsServer) -> None:
    said: list[bytes] = []

    def listen(data: bytes) -> bool:
        said.append(data)
        return False

    with Proxy(broker.port, listen) as proxy:
        (answer,) = send(NatsTarget, target(f"tls://127.0.0.1:{proxy.port}"), of=secrets())
    assert (answer.status_class, answer.may_have_arrived) == ("tls", False)
    assert not said


def check_addresses_that_the_server_names(
    found: type[TargetKind], directory: Path, patch: pytest.MonkeyPatch
) -> None:
    """A server names other addresses (`connect_urls`), and they are not connected to."""
    patch.setenv("IU_SECRET_HOOK", f"host=127.0.0.1 {TOKEN}")
    with listening() as other, ExitStack() as stack:
        broker = _named_by_another(directory, other.port, stack)

        async def run() -> list[Answer]:
            opened = found(target(broker.address), secrets())
            await opened.open()
            try:
                first = await opened.send(message(1))
                await asyncio.to_thread(broker.kill)
                await asyncio.sleep(0.5)  # time for a library that connects by itself
                return [first, *[await opened.send(message(number)) for number in (2, 3)]]
            finally:
                await opened.close()

        answers = asyncio.run(run())
        assert [one.decision for one in answers] == ["retry"] * 3
        assert answers[0].status_class == "no_stream"
        assert other.connections() == 0


def _named_by_another(directory: Path, port: int, stack: ExitStack) -> NatsServer:
    """Return a server that tells its clients that there is another one at a port."""
    routes = free_port()
    found = NatsServer(directory, jetstream=False, cluster={"name": "one", "listen": f"127.0.0.1:{routes}"})
    stack.callback(found.remove)
    other = NatsServer(
        directory,
        jetstream=False,
        client_advertise=f"127.0.0.1:{port}",
        cluster={"name": "one", "listen": "127.0.0.1:-1", "routes": [f"nats://127.0.0.1:{routes}"]},
    )
    stack.callback(other.remove)
    eventually(lambda: f"127.0.0.1:{port}" in found.greeting(), "the other server is named")
    return found


def test_addresses_that_the_server_names_are_not_connected_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_addresses_that_the_server_names(NatsTarget, tmp_path, monkeypatch)


def test_the_next_host_of_an_address_is_used_if_one_does_not_answer(broker: NatsServer) -> None:
    with listening() as silent:
        address = f"nats://127.0.0.1:9,127.0.0.1:{silent.port},127.0.0.1:{broker.port}"
        answers = send(NatsTarget, target(address, timeout_seconds=9), message(1), message(2), of=secrets())
    assert [answer.status_class for answer in answers] == ["stored", "stored"]


def check_a_connection_without_answers(found: type[TargetKind], broker: NatsServer) -> None:
    """After a timeout the next message goes over another connection."""
    published: list[bytes] = []

    def is_first(data: bytes) -> bool:
        if is_publish(data):
            published.append(data)
        return is_publish(data) and len(published) == 1

    async def run(address: str) -> list[Answer]:
        opened = found(target(address, timeout_seconds=4), secrets())
        await opened.open()
        try:
            return [await opened.send(message(number)) for number in (1, 2, 1)]
        finally:
            await opened.close()

    with Proxy(broker.port, is_first, "silence") as proxy:
        answers = asyncio.run(run(f"nats://127.0.0.1:{proxy.port}"))
        assert proxy.connections == 2
    assert [answer.status_class for answer in answers] == ["timeout", "stored", "duplicate"]
    assert answers[0].may_have_arrived


def test_a_connection_that_answers_no_more_is_replaced(broker: NatsServer) -> None:
    check_a_connection_without_answers(NatsTarget, broker)


def test_many_tasks_share_one_connection(broker: NatsServer) -> None:
    with Proxy(broker.port) as proxy:
        many = map(message, range(1, 201))
        answers = send(NatsTarget, target(f"nats://127.0.0.1:{proxy.port}"), *many, of=secrets())
        assert all(answer.decision == "sent" for answer in answers)
        assert proxy.connections == 1


@pytest.mark.parametrize(
    ("address", "options", "secret", "error"),
    [
        ("tls://nats.example.com", {}, "HOOK", "'subject'"),
        ("tls://nats.example.com", {"subject": "a.*"}, "HOOK", "'subject'"),
        ("tls://nats.example.com", {"subject": "a.>"}, "HOOK", "'subject'"),
        ("tls://nats.example.com", {"subject": "a b"}, "HOOK", "'subject'"),
        ("tls://nats.example.com", {"subject": "a\r\nPUB b 1"}, "HOOK", "'subject'"),
        ("tls://nats.example.com", {"subject": "$JS.API"}, "HOOK", "'subject'"),
        ("tls://nats.example.com", {"subject": "_INBOX.a"}, "HOOK", "'subject'"),
        ("tls://nats.example.com", {"subject": "a", "stream": "a.b"}, "HOOK", "'stream'"),
        ("tls://ann@nats.example.com", {"subject": "a"}, None, "needs a secret"),
        ("tls://nats.example.com/x", {"subject": "a"}, "HOOK", "has a path"),
        ("nats://nats.example.com", {"subject": "a"}, "HOOK", "instead of tls://"),
    ],
)
def test_a_wrong_definition_is_refused(
    address: str, options: dict[str, Any], secret: str | None, error: str
) -> None:
    with pytest.raises((ArgumentInvalid, TargetNotSafe), match=error):
        NatsTarget.check(address, options, secret, private=False)


# Kinds that break one rule each.


class DoesNotAwait(NatsTarget):
    async def send(self, message: Message) -> Answer:
        task = asyncio.ensure_future(super().send(message))
        await asyncio.wait({task}, timeout=0.01)
        return Answer("sent", "stored")


class ChoosesKeys(NatsTarget):
    async def send(self, message: Message) -> Answer:
        return await super().send(replace(message, key=f"evt_{uuid4().hex}_1"))


class TakesRefusalsForSent(NatsTarget):
    async def send(self, message: Message) -> Answer:
        answer = await super().send(message)
        return Answer("sent", "stored") if answer.status_class == "full" else answer


class KnowsNoLoss(NatsTarget):
    async def send(self, message: Message) -> Answer:
        answer = await super().send(message)
        return Answer("sent", "stored") if answer.status_class == "closed" else answer


class KeepsADeadConnection(NatsTarget):
    def _retire(self, link: Link) -> None:
        if link.is_stuck:
            link.is_stuck = False
        else:
            super()._retire(link)


def test_a_kind_that_keeps_a_dead_connection_is_found(broker: NatsServer) -> None:
    with pytest.raises(AssertionError):
        check_a_connection_without_answers(KeepsADeadConnection, broker)


def test_a_kind_that_does_not_await_the_acknowledgement_is_found(place: Subject) -> None:
    with pytest.raises(AssertionError):
        asyncio.run(contract.run("reports_a_refusal", DoesNotAwait, place))


def test_a_kind_with_a_key_of_its_own_is_found(broker: NatsServer) -> None:
    with pytest.raises(AssertionError):
        check_that_the_key_is_the_id(ChoosesKeys, broker)


def test_a_kind_that_takes_a_refusal_for_sent_is_found(broker: NatsServer) -> None:
    with pytest.raises(AssertionError):
        check_a_full_stream(TakesRefusalsForSent, broker)


def test_a_kind_that_takes_a_loss_for_sent_is_found(broker: NatsServer) -> None:
    with pytest.raises(AssertionError):
        check_a_loss_in_mid_batch(KnowsNoLoss, broker)


def test_a_kind_that_verifies_no_certificate_is_found(
    tls_server: Callable[[str], NatsServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trusting(*_: Any) -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
        return made

    monkeypatch.setattr(brokers, "encryption", trusting)
    with pytest.raises(AssertionError):
        check_tls(NatsTarget, tls_server, tmp_path, monkeypatch)


def test_a_kind_that_lets_the_library_reconnect_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Client.connect

    async def reconnecting(client: Client, *given: Any, **options: Any) -> None:
        client._transport = None
        await real(client, *given, **{**options, "allow_reconnect": True, "max_reconnect_attempts": 5})

    monkeypatch.setattr(Client, "connect", reconnecting)
    with pytest.raises(AssertionError):
        check_addresses_that_the_server_names(NatsTarget, tmp_path, monkeypatch)

"""Targets of kind redis, against redis-server: what is answered is in the stream, in order."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any, Final
from uuid import uuid4

import pytest
import redis.asyncio

import pages
import redis_server
from delivery.broker_drain import accepted_through_kills, check, drain_through, restart
from delivery.kind_parts import Authority, granted, message, secrets, send
from delivery.proxy import Proxy
from delivery.sending import Ground
from iu_pipelines import settings
from iu_pipelines.delivery import brokers, contract
from iu_pipelines.delivery.contract import Place, Received
from iu_pipelines.delivery.kind import Answer, Message, TargetKind
from iu_pipelines.delivery.redis import MOST_CONNECTIONS, RedisTarget
from iu_pipelines.delivery.secrets import Secrets
from iu_pipelines.domain.targets import GrantedTarget
from iu_pipelines.errors import ArgumentInvalid, TargetNotSafe
from redis_server import PASSWORD, RedisServer
from waiting import eventually

_MANY: Final = 40


@pytest.fixture
def broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisServer]:
    """Yield a server that syncs each write, and its password as the secret HOOK."""
    monkeypatch.setenv("IU_SECRET_HOOK", f"host=127.0.0.1 {PASSWORD}")
    made = _start(tmp_path, is_durable=True)
    yield made
    made.remove()


def _start(directory: Path, *options: str, **given: Any) -> RedisServer:
    if redis_server.PROGRAM is None:
        pytest.skip("redis-server is not installed")
    return RedisServer(directory, *options, **given)


def target(broker: RedisServer | int, **changes: Any) -> GrantedTarget:
    """Return a target at a server, or at a port of the loopback interface."""
    port = broker if isinstance(broker, int) else broker.port
    given = {"address": f"redis://127.0.0.1:{port}", "kind": "redis", "timeout_seconds": 10, **changes}
    given["options"] = {"stream": "events", **changes.get("options", {})}
    return granted(**given)


def is_add(data: bytes) -> bool:
    return b"XADD" in data or b"EVAL" in data


class Stream(Place):
    """A stream of a server that syncs each write."""

    canary = PASSWORD
    unsafe_addresses = (
        "rediss://127.0.0.1",
        "rediss://10.0.0.1/1",
        "rediss://169.254.169.254",
        "rediss://[::1]",
        "redis://8.8.8.8",
    )
    password_address = "rediss://ann:s3cret@127.0.0.1"

    def __init__(
        self, broker: RedisServer, patch: pytest.MonkeyPatch, stack: ExitStack, **options: Any
    ) -> None:
        self._server = broker
        self._patch = patch
        self._stack = stack
        self._options = options

    def target(self) -> GrantedTarget:
        return target(self._server, options=self._options)

    def secrets(self) -> Secrets:
        return Secrets(settings.load())

    def received(self) -> Sequence[Received]:
        return [Received(one.key, one.body, one.fields) for one in self._server.entries()]

    def unreachable(self) -> GrantedTarget:
        return target(9)

    def _behind(self, act: str) -> GrantedTarget:
        proxy = self._stack.enter_context(Proxy(self._server.port, is_add, act))
        return replace(self.target(), address=f"redis://127.0.0.1:{proxy.port}")

    def silent(self) -> GrantedTarget:
        return replace(self._behind("silence"), timeout_seconds=4)

    def refusing(self) -> GrantedTarget:
        self._server.run("SET", "text", "of another type")
        return target(self._server, options={**self._options, "stream": "text"})

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
        self._server.change_password("another")
        self._patch.setenv("IU_SECRET_HOOK", "host=127.0.0.1 another")
        return True


@pytest.fixture(params=[{}, {"remember_seconds": 3600}], ids=["plain", "remembering"])
def place(
    broker: RedisServer, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Stream]:
    with ExitStack() as stack:
        yield Stream(broker, monkeypatch, stack, **request.param)


@pytest.mark.parametrize("name", contract.scenarios(RedisTarget))
def test_streams_keep_the_contract(name: str, place: Stream) -> None:
    asyncio.run(contract.run(name, RedisTarget, place))


def check_that_the_key_is_a_field(found: type[TargetKind], broker: RedisServer) -> None:
    """An entry that is added again, by another sender, has the same key."""
    for attempt in (1, 2):
        (answer,) = send(found, target(broker), replace(message(1), attempt_no=attempt), of=secrets())
        assert answer.decision == "sent"
    assert [one.key for one in broker.entries()] == [message(1).key] * 2


def test_the_key_and_the_attributes_of_the_event_are_fields(broker: RedisServer) -> None:
    check_that_the_key_is_a_field(RedisTarget, broker)
    found = broker.entries()[0].fields
    assert found["ce-id"] == message(1).key
    assert (found["ce-specversion"], found["ce-type"]) == ("1.0", "version_applied")
    assert found["ce-subject"] == "doc/1"
    assert json.loads(found["body"]) == json.loads(message(1).body)


def check_that_redis_remembers(found: type[TargetKind], broker: RedisServer) -> None:
    """With `remember_seconds` the same key makes one entry, also if it is sent at the same time."""
    where = target(broker, options={"remember_seconds": 3600})
    first = send(found, where, message(1), message(1), message(2), of=secrets())
    again = send(found, where, message(2), message(3), of=secrets())
    assert sorted(one.status_class for one in first) == ["added", "added", "duplicate"]
    assert [one.status_class for one in again] == ["duplicate", "added"]
    assert sorted(one.key for one in broker.entries()) == [message(number).key for number in (1, 2, 3)]


def test_redis_itself_may_keep_the_key(broker: RedisServer) -> None:
    check_that_redis_remembers(RedisTarget, broker)
    kept = broker.run("TTL", f"events:{message(1).key}")
    assert 0 < kept <= 3600


def check_that_only_what_was_added_is_remembered(found: type[TargetKind], broker: RedisServer) -> None:
    """A key is not kept if the entry could not be added."""
    broker.run("SET", "events", "of another type")
    where = target(broker, options={"remember_seconds": 3600})
    (refused,) = send(found, where, message(1), of=secrets())
    assert (refused.decision, refused.status_class) == ("retry", "wrong_type")
    broker.run("DEL", "events")
    (answer,) = send(found, where, message(1), of=secrets())
    assert answer.status_class == "added"
    assert [one.key for one in broker.entries()] == [message(1).key]


def test_a_key_is_not_kept_if_the_entry_could_not_be_added(broker: RedisServer) -> None:
    check_that_only_what_was_added_is_remembered(RedisTarget, broker)


def check_a_full_server(found: type[TargetKind], broker: RedisServer, **options: Any) -> None:
    """A server whose memory is full takes nothing, and says so, until there is room."""
    broker.run("CONFIG", "SET", "maxmemory-policy", "noeviction", "maxmemory", "1")
    where = target(broker, options=options)
    for answer in send(found, where, *map(message, range(1, 5)), of=secrets()):
        assert (answer.decision, answer.status_class, answer.local_fault) == ("retry", "full", False), answer
        assert not answer.may_have_arrived
    broker.run("CONFIG", "SET", "maxmemory", "0")
    assert not broker.entries()
    again = send(found, where, *map(message, range(1, 5)), of=secrets())
    assert all(answer.decision == "sent" for answer in again)
    assert len(broker.entries()) == 4


@pytest.mark.parametrize("options", [{}, {"remember_seconds": 3600}])
def test_a_full_server_refuses_until_there_is_room(broker: RedisServer, options: dict[str, Any]) -> None:
    check_a_full_server(RedisTarget, broker, **options)


def test_a_stream_is_trimmed_only_if_the_target_says_so(broker: RedisServer) -> None:
    many = [message(number) for number in range(1, 301)]
    send(RedisTarget, target(broker), *many, of=secrets())
    send(RedisTarget, target(broker, options={"stream": "short", "max_length": 10}), *many, of=secrets())
    assert len(broker.entries()) == 300
    assert len(broker.entries("short")) < 300


def test_a_replica_that_has_not_confirmed_is_waited_for_in_vain(broker: RedisServer) -> None:
    where = target(broker, options={"replicas": 1}, timeout_seconds=5)
    (answer,) = send(RedisTarget, where, message(1), of=secrets())
    assert (answer.decision, answer.status_class) == ("retry", "too_few_replicas")
    assert answer.may_have_arrived
    assert not answer.local_fault


def test_a_replica_confirms_and_takes_no_entries_itself(broker: RedisServer, tmp_path: Path) -> None:
    replica = _start(tmp_path, "--replicaof", f"127.0.0.1 {broker.port}", "--masterauth", PASSWORD)
    try:
        where = target(broker, options={"replicas": 1, "remember_seconds": 60}, timeout_seconds=20)
        eventually(
            lambda: send(RedisTarget, where, message(1), of=secrets())[0].decision == "sent",
            "the replica has synchronized and confirms",
        )
        assert [one.key for one in replica.entries()] == [message(1).key]
        (answer,) = send(RedisTarget, target(replica), message(2), of=secrets())
        assert (answer.decision, answer.status_class) == ("retry", "read_only")
    finally:
        replica.remove()


def check_a_loss_in_mid_batch(found: type[TargetKind], broker: RedisServer) -> None:
    """The connections are lost while many entries are added: the command is sent once for each send."""
    count, one_at_a_time = 0, Lock()  # the proxy has a thread for each connection

    def counted(data: bytes) -> bool:
        nonlocal count
        found = data.count(b"XADD")
        with one_at_a_time:
            count += found
            return found > 0 and count == _MANY // 2

    many = [message(number, str(uuid4())) for number in range(1, _MANY + 1)]

    with Proxy(broker.port, counted) as proxy:
        first = send(found, target(proxy.port), *many, of=secrets())
    assert count == _MANY, f"{count} commands for {_MANY} sends"
    lost = [one for one, answer in zip(many, first, strict=True) if answer.decision != "sent"]
    assert lost
    assert {(a.status_class, a.may_have_arrived) for a in first if a.decision != "sent"} == {("closed", True)}
    again = send(found, target(broker), *lost, of=secrets())
    assert all(answer.decision == "sent" for answer in again)
    assert {one.key for one in broker.entries()} == {one.key for one in many}


def test_a_connection_that_is_lost_in_mid_batch_loses_nothing(broker: RedisServer) -> None:
    check_a_loss_in_mid_batch(RedisTarget, broker)


def test_what_was_answered_outlives_a_kill_of_a_server_that_syncs(broker: RedisServer) -> None:
    accepted = accepted_through_kills(RedisTarget, target(broker), broker)
    assert len(accepted) == 60
    assert [one.key for one in broker.entries()] == accepted


@pytest.mark.parametrize("options", [{}, {"remember_seconds": 3600}])
def test_events_of_a_live_route_arrive_in_order_although_the_server_is_restarted(
    ground: Ground, broker: RedisServer, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    monkeypatch.setenv("IU_SECRET_HOOK", f"host=127.0.0.1 {PASSWORD}")
    ground.add(
        "orders", address=f"redis://127.0.0.1:{broker.port}", kind="redis",
        options=json.dumps({"stream": "events", **options}), timeout_seconds=5, retry_seconds=[1] * 20,
    )  # fmt: skip
    drain_through(ground, lambda: restart(ground, broker))
    twice = check([json.loads(one.body) for one in broker.entries()])
    assert not (options and twice)


@pytest.mark.parametrize("options", [{}, {"replicas": 1}])
def test_a_wrong_or_missing_password_is_a_fault_of_the_sender(
    broker: RedisServer, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    monkeypatch.setenv("IU_SECRET_HOOK", "host=127.0.0.1 wrong")
    for secret_name in ("HOOK", None):
        where = target(broker, secret_name=secret_name, options=options)
        (answer,) = send(RedisTarget, where, of=secrets())
        assert (answer.decision, answer.status_class, answer.local_fault) == ("retry", "login_refused", True)
        assert not answer.may_have_arrived


@pytest.mark.parametrize(
    ("user", "password", "stream", "expected"),
    [
        ("ann", "of-ann", "events", "added"),
        ("ann", "of-bob", "events", "login_refused"),
        ("ann", "of-ann", "other", "not_permitted"),
    ],
)
def test_a_user_needs_its_password_and_the_permission(
    broker: RedisServer, user: str, password: str, stream: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker.run("ACL", "SETUSER", "ann", "on", ">of-ann", "~events", "+xadd")
    monkeypatch.setenv("IU_SECRET_HOOK", f"host=127.0.0.1 {password}")
    address = f"redis://{user}@127.0.0.1:{broker.port}"
    (answer,) = send(RedisTarget, target(broker, address=address, options={"stream": stream}), of=secrets())
    assert answer.status_class == expected
    assert answer.local_fault == (expected != "added")


@pytest.mark.parametrize("options", [{}, {"remember_seconds": 60}])
def test_the_rights_that_the_page_gives_a_login_are_enough(
    broker: RedisServer, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    (text,) = pages.code("docs/operate/targets.md", "redis", "redis")
    broker.run(*text.replace("PASSWORD", "of-iu").split())
    monkeypatch.setenv("IU_SECRET_HOOK", "host=127.0.0.1 of-iu")
    address = f"redis://iu@127.0.0.1:{broker.port}"
    where = target(broker, address=address, options={"stream": "shop:orders", **options})
    assert [one.status_class for one in send(RedisTarget, where, of=secrets())] == ["added"]


def test_a_server_without_a_password_needs_no_secret(tmp_path: Path) -> None:
    made = _start(tmp_path, "--requirepass", "")
    try:
        (answer,) = send(RedisTarget, target(made, secret_name=None), of=secrets())
        assert answer.status_class == "added"
    finally:
        made.remove()


def test_a_server_that_loads_its_data_is_tried_again(broker: RedisServer) -> None:
    send(RedisTarget, target(broker, timeout_seconds=60), *map(message, range(1, 4001)), of=secrets())
    broker.kill()
    # It answers after each 1,024 commands that it has loaded, and is slow on purpose: 2 ms for each.
    broker.start("--key-load-delay", "2000", until="Server initialized")
    (answer,) = send(RedisTarget, target(broker, timeout_seconds=30), message(1), of=secrets())
    assert (answer.decision, answer.status_class, answer.local_fault) == ("retry", "loading", False)
    assert not answer.may_have_arrived


def test_another_database_can_be_chosen(broker: RedisServer) -> None:
    where = replace(target(broker), address=f"redis://127.0.0.1:{broker.port}/3")
    assert send(RedisTarget, where, of=secrets())[0].decision == "sent"
    assert not broker.entries()
    assert broker.run("INFO", "keyspace")["db3"]["keys"] == 1


def test_a_target_has_a_bounded_number_of_connections(broker: RedisServer) -> None:
    with Proxy(broker.port) as proxy:
        answers = send(RedisTarget, target(proxy.port), *map(message, range(1, 301)), of=secrets())
        assert all(answer.decision == "sent" for answer in answers)
        assert proxy.connections <= MOST_CONNECTIONS


def check_tls(found: type[TargetKind], directory: Path, patch: pytest.MonkeyPatch) -> None:
    """A certificate must be that of the host and of an authority that the target trusts."""
    authority = Authority(directory / "authority")
    stranger = Authority(directory / "stranger").certificate.read_text()
    trusted = authority.certificate.read_text()
    patch.setenv("IU_SECRET_HOOK", f"host=127.0.0.1 {PASSWORD}")
    options = {"ca_certificate_secret": "AUTHORITY"}
    with ExitStack() as stack:
        own, other = (
            _start(directory, certificate=authority.issue(host))
            for host in ("127.0.0.1", "redis.example.com")
        )
        stack.callback(own.remove)
        stack.callback(other.remove)
        for server, known, expected in (
            (own, trusted, "added"),
            (own, stranger, "tls"),
            (other, trusted, "tls"),
        ):
            patch.setenv("IU_SECRET_AUTHORITY", f"host=127.0.0.1 {known}")
            address = f"rediss://127.0.0.1:{server.port}"
            (answer,) = send(found, target(server, address=address, options=options), of=secrets())
            assert answer.status_class == expected, answer
            assert not answer.may_have_arrived
        (answer,) = send(found, target(own, address=f"rediss://127.0.0.1:{own.port}"), of=secrets())
        assert answer.status_class == "tls", answer


def test_a_certificate_is_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_tls(RedisTarget, tmp_path, monkeypatch)


def test_a_server_that_does_not_encrypt_gets_no_password(broker: RedisServer) -> None:
    said: list[bytes] = []

    def listen(data: bytes) -> bool:
        said.append(data)
        return False

    with Proxy(broker.port, listen) as proxy:
        where = target(broker, address=f"rediss://127.0.0.1:{proxy.port}", timeout_seconds=2)
        (answer,) = send(RedisTarget, where, of=secrets())
    assert answer.decision == "retry"
    assert answer.status_class in {"tls", "refused", "timeout"}
    assert not answer.may_have_arrived
    assert PASSWORD.encode() not in b"".join(said)


@pytest.mark.parametrize(
    ("address", "options", "secret", "error"),
    [
        ("rediss://redis.example.com", {}, "HOOK", "'stream'"),
        ("rediss://redis.example.com", {"stream": "a b"}, "HOOK", "'stream'"),
        ("rediss://redis.example.com", {"stream": "a\r\nFLUSHALL"}, "HOOK", "'stream'"),
        ("rediss://redis.example.com", {"stream": "a", "max_length": 0}, "HOOK", "'max_length'"),
        ("rediss://redis.example.com", {"stream": "a", "max_length": "9"}, "HOOK", "'max_length'"),
        ("rediss://redis.example.com", {"stream": "a", "replicas": True}, "HOOK", "'replicas'"),
        (
            "rediss://redis.example.com",
            {"stream": "a", "remember_seconds": 1.5},
            "HOOK",
            "'remember_seconds'",
        ),
        (
            "rediss://redis.example.com/one",
            {"stream": "a"},
            "HOOK",
            "the database in the path of the address",
        ),
        ("rediss://a.example.com,b.example.com", {"stream": "a"}, "HOOK", "several hosts"),
        ("rediss://ann@redis.example.com", {"stream": "a"}, None, "needs a secret"),
        ("redis://redis.example.com", {"stream": "a"}, "HOOK", "instead of rediss://"),
    ],
)
def test_a_wrong_definition_is_refused(
    address: str, options: dict[str, Any], secret: str | None, error: str
) -> None:
    with pytest.raises((ArgumentInvalid, TargetNotSafe), match=error):
        RedisTarget.check(address, options, secret, private=False)


# Kinds that break one rule each.


class DoesNotAwait(RedisTarget):
    async def send(self, message: Message) -> Answer:
        task = asyncio.ensure_future(super().send(message))
        await asyncio.wait({task}, timeout=0.01)
        return Answer("sent", "added")


class ChoosesKeys(RedisTarget):
    async def send(self, message: Message) -> Answer:
        key = f"evt_{uuid4().hex}_1"
        headers = {**message.headers, "webhook-id": key}
        return await super().send(replace(message, key=key, headers=headers))


class TakesRefusalsForSent(RedisTarget):
    async def send(self, message: Message) -> Answer:
        answer = await super().send(message)
        return Answer("sent", "added") if answer.status_class == "full" else answer


class LetsTheLibraryRetry(RedisTarget):
    """The client of the library, as its documentation shows it."""

    async def send(self, message: Message) -> Answer:
        fields: dict[Any, Any] = {name: str(value) for name, value in message.headers.items()}
        port = int(self.target.address.rpartition(":")[2])
        async with redis.asyncio.Redis(host="127.0.0.1", port=port, password=PASSWORD) as client:
            await client.xadd("events", {**fields, "body": message.body})
        return Answer("sent", "added")


class KeepsTheKeyFirst(RedisTarget):
    def _commands(self, message: Message) -> list[tuple[str | bytes | int, ...]]:
        ((name, _, *given),) = super()._commands(message)
        first = (
            "if not redis.call('set', KEYS[2], '', 'NX', 'EX', ARGV[1]) then return '' end\n"
            "return redis.call('xadd', KEYS[1], unpack(ARGV, 2))"
        )
        return [(name, first, *given)]


def test_a_kind_that_does_not_await_the_answer_is_found(place: Stream) -> None:
    with pytest.raises(AssertionError):
        asyncio.run(contract.run("reports_a_refusal", DoesNotAwait, place))


def test_a_kind_with_a_key_of_its_own_is_found(broker: RedisServer) -> None:
    with pytest.raises(AssertionError):
        check_that_the_key_is_a_field(ChoosesKeys, broker)
    broker.run("DEL", "events")
    with pytest.raises(AssertionError):
        check_that_redis_remembers(ChoosesKeys, broker)


def test_a_kind_that_takes_a_refusal_for_sent_is_found(broker: RedisServer) -> None:
    with pytest.raises(AssertionError):
        check_a_full_server(TakesRefusalsForSent, broker)


def test_a_kind_that_keeps_the_key_before_it_adds_is_found(broker: RedisServer) -> None:
    with pytest.raises(AssertionError):
        check_that_only_what_was_added_is_remembered(KeepsTheKeyFirst, broker)


def test_a_kind_that_lets_the_library_retry_is_found(broker: RedisServer) -> None:
    with pytest.raises(AssertionError):
        check_a_loss_in_mid_batch(LetsTheLibraryRetry, broker)


def test_a_kind_that_verifies_no_certificate_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trusting(*_: Any) -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
        return made

    monkeypatch.setattr(brokers, "encryption", trusting)
    with pytest.raises(AssertionError):
        check_tls(RedisTarget, tmp_path, monkeypatch)

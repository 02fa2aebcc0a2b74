"""The tests that each kind of target must pass. It needs no test framework.

The author of a kind writes a `Place`, which receives what a target of the kind sends, and runs each scenario:

    @pytest.mark.parametrize("name", contract.scenarios(KafkaTarget))
    def test_the_contract(name: str, place: KafkaPlace) -> None:
        asyncio.run(contract.run(name, KafkaTarget, place))

A scenario raises AssertionError, which says what the kind does wrong.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid4

from iu_pipelines.delivery.kind import MOST_BODY_BYTES, Answer, Message, TargetKind
from iu_pipelines.delivery.secrets import Secrets
from iu_pipelines.domain.targets import GrantedTarget
from iu_pipelines.errors import ArgumentInvalid, IuError, TargetNotSafe

AT_ONCE: Final = 50
"""Messages that one scenario sends at the same time."""

GRACE_SECONDS: Final = 1.0
"""How much later than its timeout a send may end."""

PATIENCE_SECONDS: Final = 60.0
"""How long a target may take to accept messages again after an outage."""

_SUBJECTS, _EACH = 8, 6

_STATUS_CLASS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_")


@dataclass(frozen=True)
class Received:
    """One message that a place received."""

    key: str
    """The key of the message."""
    body: str
    """The body of the message."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """The headers of the message; empty if the kind sends none."""


class Place(ABC):
    """A real place for the targets of a kind, as the author of the kind provides it."""

    canary: str = ""
    """The value of the secret of `target`, which must be printed nowhere. Empty if it has no secret."""

    unsafe_addresses: Sequence[str] = ()
    """Addresses on loopback, in a private network and of a metadata service."""

    password_address: str | None = None
    """An address with a password in it; None if an address of the kind cannot have one."""

    @abstractmethod
    def target(self) -> GrantedTarget:
        """Return a target that accepts every message, at a private address, which it allows."""

    @abstractmethod
    def secrets(self) -> Secrets:
        """Return the secrets, among them that of `target`."""

    @abstractmethod
    def received(self) -> Sequence[Received]:
        """Return what arrived at `target` since the place was made, in any order."""

    @abstractmethod
    def unreachable(self) -> GrantedTarget:
        """Return a target at an address where nothing answers."""

    def silent(self) -> GrantedTarget | None:
        """Return a target that accepts connections and never answers; None if there is no such thing."""
        return None

    def refusing(self) -> GrantedTarget | None:
        """Return a target that refuses every message; None if there is no such thing."""
        return None

    def breaking(self) -> GrantedTarget | None:
        """Return a target that closes the connection after a message and before its answer.

        None if there is no such thing.
        """
        return None

    def parts(self) -> Sequence[Sequence[Received]] | None:
        """Return what arrived at `target`, in the order in which its consumers get it.

        If they get it in order only within parts, such as the partitions of a topic, return one list for each
        part. None if there is no order.
        """
        return None

    def stop(self) -> bool:
        """Let nothing answer at `target` until `start`; return False if that cannot be done."""
        return False

    def start(self) -> None:  # noqa: B027
        """End what `stop` began. The address stays the same, and what was accepted is kept."""

    def change_secret(self) -> bool:
        """Change the secret of `target` where it is checked, and then what `secrets` finds.

        The old one is refused from then on, also on connections that are open. Return False if that cannot be
        done.
        """
        return False


def scenarios(kind: type[TargetKind]) -> list[str]:
    """Return the names of the scenarios that a kind must pass."""
    return [name for name, (needs_sends, _) in _SCENARIOS.items() if kind.sends or not needs_sends]


async def run(name: str, kind: type[TargetKind], place: Place) -> None:
    """Run one scenario.

    Raises:
        AssertionError: the kind breaks the rule.
    """
    await _SCENARIOS[name][1](kind, place)


def message(number: int, body: str | None = None, **headers: str) -> Message:
    """Return a message as a claim returns it. `number` makes its key, its event and its address `doc/NUMBER`.

    `body` replaces its JSON body, and `headers` are added to its own.
    """
    event_id = UUID(int=number)
    key = f"evt_{event_id.hex}_1"
    content = {"id": key, "type": "contract", "sequence": number, "replayed": False, "data": {"n": number}}
    given = {
        "content-type": "application/json", "webhook-id": key, "ce-specversion": "1.0", "ce-id": key,
        "ce-type": "contract", "ce-source": "/iu", "ce-subject": f"doc/{number}",
    }  # fmt: skip
    return Message(
        key, event_id, "contract.route", uuid4(), number, 1, given | headers, body or json.dumps(content)
    )


_Scenario = Callable[[type[TargetKind], Place], Awaitable[None]]
_SCENARIOS: Final[dict[str, tuple[bool, _Scenario]]] = {}


def _scenario(needs_sends: bool) -> Callable[[_Scenario], _Scenario]:
    def add(scenario: _Scenario) -> _Scenario:
        _SCENARIOS[getattr(scenario, "__name__", "").removeprefix("_")] = (needs_sends, scenario)
        return scenario

    return add


def _require(condition: object, rule: str) -> None:
    if not condition:
        raise AssertionError(rule)


async def _sent(
    kind: type[TargetKind], target: GrantedTarget, secrets: Secrets, *messages: Message
) -> list[Answer]:
    """Return the answers of messages that are sent at the same time; each is in time and well formed."""
    opened = kind(target, secrets)
    try:
        await opened.open()
        began = time.monotonic()
        answers = await asyncio.gather(*(opened.send(one) for one in messages))
        _in_time(began, target)
    finally:
        await opened.close()
    for answer in answers:
        _check(answer)
    return answers


def _check(answer: Answer) -> None:
    _require(answer.decision in {"sent", "retry", "failed"}, f"unknown decision {answer.decision!r}")
    word = answer.status_class
    _require(word and set(word) <= _STATUS_CLASS and len(word) <= 40, f"status_class {word!r} is no word")
    _require(answer.response_hash is None or len(bytes.fromhex(answer.response_hash)) == 32, "no sha256")
    _require(answer.decision == "sent" or answer.error, "an answer that is not `sent` has an error")
    _require(not (answer.decision == "sent" and answer.local_fault), "what was sent is no local fault")
    _require(answer.decision == "retry" or not answer.may_have_arrived, "sent and failed are certain")
    _require(answer.retry_after_seconds is None or answer.retry_after_seconds >= 0, "a negative wait")


@_scenario(True)
async def _sends_a_message(kind: type[TargetKind], place: Place) -> None:
    one = message(1)
    (answer,) = await _sent(kind, place.target(), place.secrets(), one)
    _require(answer.decision == "sent", f"the message was not accepted: {answer}")
    found = [(each.key, json.loads(each.body)) for each in place.received()]
    _require(found == [(one.key, json.loads(one.body))], f"received was {found}")


@_scenario(True)
async def _sends_many_messages_at_once(kind: type[TargetKind], place: Place) -> None:
    many = [message(number) for number in range(1, AT_ONCE + 1)]
    answers = await _sent(kind, place.target(), place.secrets(), *many)
    _require(all(answer.decision == "sent" for answer in answers), f"not all were accepted: {answers}")
    found = sorted(each.key for each in place.received())
    _require(found == sorted(one.key for one in many), "not each message was received once")


@_scenario(True)
async def _sends_the_same_key_again(kind: type[TargetKind], place: Place) -> None:
    """After a lost outcome, the same message is sent again, with the same key."""
    one = message(1)
    for again in (one, replace(one, attempt_no=2)):
        (answer,) = await _sent(kind, place.target(), place.secrets(), again)
        _require(answer.decision == "sent", f"try {again.attempt_no} was not accepted: {answer}")
    _require({each.key for each in place.received()} == {one.key}, "the key of the second try is another")


@_scenario(True)
async def _sends_any_text_and_no_other_headers(kind: type[TargetKind], place: Place) -> None:
    """A line break in an address is no way to add a header."""
    subject = "doc/ü\r\nx-injected: 1\r\n\r\n\x00 %\U0001f600"
    body = json.dumps({"type": "contract", "replayed": True, "text": subject.replace("\x00", "")})
    one = message(1, body, **{"ce-subject": subject.replace("\x00", "")})
    (answer,) = await _sent(kind, place.target(), place.secrets(), one)
    _require(answer.decision == "sent", f"the message was not accepted: {answer}")
    (found,) = place.received()
    _require(json.loads(found.body) == json.loads(body), "the body was changed")
    _require("x-injected" not in {name.lower() for name in found.headers}, "a header was injected")


@_scenario(True)
async def _refuses_a_body_that_is_too_large(kind: type[TargetKind], place: Place) -> None:
    text = json.dumps({"text": "x" * MOST_BODY_BYTES})
    (answer,) = await _sent(kind, place.target(), place.secrets(), message(1, text))
    _require(answer.decision == "failed", f"a body of more than {MOST_BODY_BYTES} bytes: {answer}")
    _require(not place.received(), "a body that is too large was sent")


@_scenario(True)
async def _reports_a_target_that_cannot_be_reached(kind: type[TargetKind], place: Place) -> None:
    target = place.unreachable()
    (answer,) = await _sent(kind, target, place.secrets(), message(1))
    _require(answer.decision == "retry" and not answer.local_fault, f"nothing listens: {answer}")
    _require(not answer.may_have_arrived, "nothing listens, so nothing can have arrived")


@_scenario(True)
async def _ends_within_the_timeout(kind: type[TargetKind], place: Place) -> None:
    target = place.silent()
    if target is None:
        return
    answers = await _sent(kind, target, place.secrets(), *(message(number) for number in range(1, 6)))
    _require(all(a.decision == "retry" and not a.local_fault for a in answers), f"no answer: {answers}")
    _require(all(answer.may_have_arrived for answer in answers), "what got no answer may have arrived")


def _in_time(began: float, target: GrantedTarget) -> None:
    seconds = time.monotonic() - began
    most = target.timeout_seconds + GRACE_SECONDS
    _require(seconds < most, f"the send took {seconds:.1f} s, with a timeout of {target.timeout_seconds} s")


@_scenario(True)
async def _reports_a_refusal(kind: type[TargetKind], place: Place) -> None:
    target = place.refusing()
    if target is None:
        return
    (answer,) = await _sent(kind, target, place.secrets(), message(1))
    _require(answer.decision != "sent" and not answer.local_fault, f"the target refused: {answer}")


@_scenario(True)
async def _keeps_the_order_of_a_subject(kind: type[TargetKind], place: Place) -> None:
    """A sender sends the next message of a subject when the one before was accepted."""
    subjects = [uuid4() for _ in range(_SUBJECTS)]
    many = [
        [replace(message(number * _SUBJECTS + index + 1), subject=subject) for number in range(_EACH)]
        for index, subject in enumerate(subjects)
    ]
    opened = kind(place.target(), place.secrets())

    async def send_in_turn(messages: Sequence[Message]) -> None:
        for one in messages:
            answer = await opened.send(one)
            _require(answer.decision == "sent", f"the message was not accepted: {answer}")

    try:
        await opened.open()
        await asyncio.gather(*map(send_in_turn, many))
    finally:
        await opened.close()
    _check_order(place, many)


def _check_order(place: Place, many: Sequence[Sequence[Message]]) -> None:
    parts = place.parts()
    if parts is None:
        return
    arrived = {one.key: (part, at) for part, found in enumerate(parts) for at, one in enumerate(found)}
    for messages in many:
        places = [arrived.get(one.key) for one in messages]
        _require(None not in places, "a message is missing in the parts")
        found = [place for place in places if place]
        _require(len({part for part, _ in found}) == 1, "a subject is in several parts")
        _require(found == sorted(found), "the messages of a subject are out of order")


@_scenario(True)
async def _says_that_a_message_may_have_arrived(kind: type[TargetKind], place: Place) -> None:
    """The connection is lost after the message and before its answer."""
    target = place.breaking()
    if target is None:
        return
    (answer,) = await _sent(kind, target, place.secrets(), message(1))
    _require(answer.decision == "retry" and not answer.local_fault, f"the connection was lost: {answer}")
    _require(answer.may_have_arrived, "the message may have arrived before the connection was lost")


@_scenario(True)
async def _works_again_after_an_outage(kind: type[TargetKind], place: Place) -> None:
    """A sender opens a target once, for as long as it runs."""
    target = place.target()
    opened = kind(target, place.secrets())
    try:
        await opened.open()
        answer = await opened.send(message(1))
        _require(answer.decision == "sent", f"the message was not accepted: {answer}")
        if not await asyncio.to_thread(place.stop):
            return
        began = time.monotonic()
        answer = await opened.send(message(2))
        _check(answer)
        _in_time(began, target)
        _require(answer.decision == "retry" and not answer.local_fault, f"nothing answers: {answer}")
        await asyncio.to_thread(place.start)
        await _until_sent(opened, message(3))
    finally:
        await opened.close()
    _require({message(1).key, message(3).key} <= {one.key for one in place.received()}, "a message was lost")


@_scenario(True)
async def _uses_a_changed_secret(kind: type[TargetKind], place: Place) -> None:
    """A secret is rotated while a sender runs."""
    opened = kind(place.target(), place.secrets())
    try:
        await opened.open()
        answer = await opened.send(message(1))
        _require(answer.decision == "sent", f"the message was not accepted: {answer}")
        if await asyncio.to_thread(place.change_secret):
            await _until_sent(opened, message(2))
    finally:
        await opened.close()


async def _until_sent(opened: TargetKind, one: Message) -> None:
    """Send a message again and again until it is accepted, as a sender does."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (answer := await opened.send(one)).decision != "sent":
        _check(answer)
        _require(time.monotonic() < deadline, f"still not accepted: {answer}")
        await asyncio.sleep(0.1)


@_scenario(True)
async def _reports_a_missing_secret(kind: type[TargetKind], place: Place) -> None:
    """A missing secret is a fault of the sender, found by `open`, or by `send` if it vanishes later."""
    if place.canary:
        target = replace(place.target(), secret_name="ABSENT")  # noqa: S106
        await _fails_to_open(kind, target, place.secrets(), "the secret is missing")
        with suppress(IuError):
            kind(target, place.secrets()).sign(message(1), datetime.now(UTC))
            raise AssertionError("`sign` does without its secret")


@_scenario(True)
async def _uses_no_secret_for_another_host(kind: type[TargetKind], place: Place) -> None:
    if place.canary:
        target = place.target()
        moved = replace(target, address=target.address.replace("127.0.0.1", "127.0.0.2"))
        _require(moved != target, "the address of this place has no 127.0.0.1 in it")
        await _fails_to_open(kind, moved, place.secrets(), "the secret is bound to another host")


async def _fails_to_open(
    kind: type[TargetKind], target: GrantedTarget, secrets: Secrets, reason: str
) -> None:
    opened = kind(target, secrets)
    try:
        await opened.open()
    except IuError:
        return
    finally:
        await opened.close()
    raise AssertionError(f"`open` succeeded although {reason}")


@_scenario(True)
async def _prints_no_secret(kind: type[TargetKind], place: Place) -> None:
    targets = (place.target(), place.unreachable(), place.refusing())
    with _collected_logs() as lines:
        for target in filter(None, targets):
            opened, secrets = kind(target, place.secrets()), place.secrets()
            try:
                await opened.open()
                lines += [
                    repr(await opened.send(message(1))),
                    repr(opened),
                    repr(vars(opened)),
                    repr(secrets),
                ]
            except IuError as error:
                lines += [str(error), repr(error), str(error.hint)]
            finally:
                await opened.close()
    if place.canary:
        _require(not any(place.canary in line for line in lines), "the secret was printed")


@contextmanager
def _collected_logs() -> Iterator[list[str]]:
    """Collect what all loggers log, at every level."""
    lines: list[str] = []
    handler = logging.Handler(logging.NOTSET)
    handler.emit = lambda record: lines.append(f"{record.getMessage()} {record.exc_info}")  # type: ignore[method-assign]
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        root.setLevel(level)
        root.removeHandler(handler)


@_scenario(True)
async def _signs_the_same_at_the_same_time(kind: type[TargetKind], place: Place) -> None:
    opened, at = kind(place.target(), place.secrets()), datetime(2026, 1, 1, tzinfo=UTC)
    signed = opened.sign(message(1), at)
    _require(signed == opened.sign(message(1), at), "two signatures of one message differ")
    if signed:
        other = opened.sign(message(1, '{"other": 1}'), at)
        _require(signed != other, "the signature does not depend on the body")
        _require(signed != opened.sign(message(2), at), "the signature does not depend on the key")


@_scenario(True)
async def _leaves_nothing_open(kind: type[TargetKind], place: Place) -> None:
    before = asyncio.all_tasks()
    await _sent(kind, place.target(), place.secrets(), message(1))
    await asyncio.sleep(0)
    left = asyncio.all_tasks() - before
    _require(not left, f"tasks are left after `close`: {left}")
    await kind(place.target(), place.secrets()).close()


@_scenario(False)
async def _checks_without_the_network(kind: type[TargetKind], place: Place) -> None:
    target, real = place.target(), (socket.getaddrinfo, socket.socket.connect)

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("`check` uses the network")

    socket.getaddrinfo, socket.socket.connect = refuse, refuse  # type: ignore[method-assign]
    try:
        kind.check(target.address, target.options, target.secret_name, private=target.allow_private)
    finally:
        socket.getaddrinfo, socket.socket.connect = real  # type: ignore[method-assign]


@_scenario(False)
async def _refuses_an_unknown_option(kind: type[TargetKind], place: Place) -> None:
    target, name = place.target(), "no_such_option"
    try:
        kind.check(target.address, {**target.options, name: 1}, target.secret_name, private=True)
    except ArgumentInvalid as error:
        _require(name in error.message, f"the error does not name the option: {error}")
        return
    raise AssertionError("an unknown option was accepted")


@_scenario(False)
async def _refuses_unsafe_addresses(kind: type[TargetKind], place: Place) -> None:
    target = place.target()
    for address in place.unsafe_addresses:
        with suppress(TargetNotSafe, ArgumentInvalid):
            kind.check(address, target.options, target.secret_name, private=False)
            raise AssertionError(f"the address {address} was accepted")
        await _fails_to_open(
            kind, replace(target, address=address, allow_private=False), place.secrets(), "it is unsafe"
        )


@_scenario(False)
async def _refuses_a_password_in_the_address(kind: type[TargetKind], place: Place) -> None:
    if place.password_address is None:
        return
    target = place.target()
    try:
        kind.check(place.password_address, target.options, target.secret_name, private=True)
    except IuError as error:
        _require(place.password_address not in f"{error} {error.hint}", "the error shows the password")
        return
    raise AssertionError("an address with a password was accepted")


@_scenario(False)
async def _has_a_name(kind: type[TargetKind], place: Place) -> None:
    _require(kind.kind == place.target().kind, f"the kind is {kind.kind!r}")
    _require(set(kind.kind) <= _STATUS_CLASS | {"."} and kind.kind, f"the name {kind.kind!r} is no word")

"""Targets of kind `redis`: an entry of a stream of Redis for each delivery, whose answer is awaited.

The key of a delivery is the field `webhook-id`, beside the attributes of CloudEvents and the field `body`.
With the option `remember_seconds`, Redis itself keeps the key for so long and adds no second entry. A target
has one pool of connections. Commands are written to a connection and never by the client of the library,
which would repeat them after a lost connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final

from iu_pipelines import extras
from iu_pipelines.delivery import brokers
from iu_pipelines.delivery.brokers import Broker
from iu_pipelines.delivery.kind import Answer, Message
from iu_pipelines.delivery.links import BrokerTarget, unconnected
from iu_pipelines.delivery.resolver import Resolver
from iu_pipelines.delivery.secrets import Secrets, shown
from iu_pipelines.domain.targets import GrantedTarget
from iu_pipelines.errors import ArgumentInvalid, IuError

extras.require("redis", "redis")

import redis.exceptions  # noqa: E402
from redis.asyncio import BlockingConnectionPool, Connection  # noqa: E402
from redis.asyncio.retry import Retry  # noqa: E402
from redis.backoff import NoBackoff  # noqa: E402

MOST_CONNECTIONS: Final = 16
"""Connections of one target at a time. A send that waits for one uses up its timeout."""

_SCHEMES: Final = ("rediss",)
_PRIVATE_SCHEMES: Final = ("rediss", "redis")
_NUMBERS: Final = {"max_length": 2**53, "replicas": 100, "remember_seconds": 31_536_000}
_OPTIONS: Final = ("stream", *_NUMBERS)
_STREAM: Final = r"[!-~]{1,200}"
_DATABASE: Final = r"[0-9]{1,5}"

_WAIT_SHARE: Final = 0.8
"""The share of the timeout in which replicas must confirm, so that the answer still arrives in time."""

_CLOSE_SECONDS: Final = 0.5
_DUPLICATE: Final = b""

_ADD_ONCE: Final = """
if redis.call('exists', KEYS[2]) == 1 then return '' end
local id = redis.call('xadd', KEYS[1], unpack(ARGV, 2))
redis.call('set', KEYS[2], id, 'EX', ARGV[1])
return id
"""
"""Adds an entry and then keeps the key. If adding fails, the key is not kept: no event is taken for sent."""


class RedisTarget(BrokerTarget):
    """One stream of Redis, with a pool of connections."""

    kind: ClassVar[str] = "redis"
    extra: ClassVar[str | None] = "redis"

    def __init__(self, target: GrantedTarget, secrets: Secrets) -> None:
        super().__init__(target, secrets)
        self._pool: _Pool | None = None
        self._left: list[_Pool] = []

    @classmethod
    def check(
        cls, address: str, options: Mapping[str, Any], secret_name: str | None, *, private: bool
    ) -> None:
        """Check `rediss://[USER@]HOST[:PORT][/DB]` (redis:// is for private addresses) and the options.

        Raises:
            TargetNotSafe: the address is not allowed, or contains a password.
            ArgumentInvalid: the address, an option or the name of the secret is wrong.
        """
        broker = cls.parsed(address, private=private)
        brokers.check_options(cls.kind, options, _OPTIONS, ("stream",))
        brokers.check_text("stream", options["stream"], _STREAM, "Write ASCII without spaces.")
        for name, most in _NUMBERS.items():
            if name in options:
                _check_number(name, options[name], most)
        brokers.check_login(cls.kind, broker, secret_name)

    @classmethod
    def parsed(cls, address: str, *, private: bool) -> Broker:
        """Return the parts of an address, after the checks of `check`."""
        schemes = _PRIVATE_SCHEMES if private else _SCHEMES
        broker = brokers.check_address(address, *schemes, private=private, has_path=True)
        if len(broker.endpoints) > 1:
            raise ArgumentInvalid(
                "the address of a target of kind redis has several hosts", hint="Give one host."
            )
        if broker.path:
            hint = "Write its number after the host, such as /1."
            brokers.check_path("database", broker.path, _DATABASE, hint)
        return broker

    async def send(self, message: Message) -> Answer:
        """Add one entry. Only the answer of Redis, and of its replicas if it waits for these, accepts it."""
        if large := brokers.too_large(message):
            return large
        if self._broker is None:
            return brokers.local("the target is not open")
        attempt = _Attempt()
        try:
            return await self._deadline.limit(self._add(message, self._broker, attempt))
        except IuError as error:
            return brokers.local(error.message)
        except (OSError, TimeoutError, redis.exceptions.RedisError) as error:
            return _failure(error, attempt.may_have_arrived)

    async def close(self) -> None:
        """Close all connections."""
        if self._pool is not None:
            self._left.append(self._pool)
            self._pool = None
        while self._left:
            await self._left.pop().close()
        await super().close()

    async def _add(self, message: Message, broker: Broker, attempt: _Attempt) -> Answer:
        pool = self._current_pool(broker)
        try:
            answers = await pool.run(self._commands(message), attempt)
        finally:
            await self._close_unused()
        return self._answer(answers)

    def _commands(self, message: Message) -> list[tuple[str | bytes | int, ...]]:
        """Return the command that adds the entry, and the one that waits for replicas."""
        options = self.target.options
        stream = options["stream"]
        entry: list[str | bytes | int] = []
        if "max_length" in options:
            entry += ["MAXLEN", "~", options["max_length"]]
        entry.append("*")
        for name, value in message.headers.items():
            if value is not None:
                entry += [name, str(value).encode(errors="replace")]
        entry += ["body", message.body]
        commands: list[tuple[str | bytes | int, ...]] = [("XADD", stream, *entry)]
        if "remember_seconds" in options:
            seen = f"{stream}:{message.key}"
            commands = [("EVAL", _ADD_ONCE, 2, stream, seen, options["remember_seconds"], *entry)]
        if "replicas" in options:
            milliseconds = int(self.target.timeout_seconds * 1000 * _WAIT_SHARE)
            commands.append(("WAIT", options["replicas"], milliseconds))
        return commands

    def _answer(self, answers: Sequence[Any]) -> Answer:
        """Return the answer for those of Redis, which are errors, too."""
        added, *confirmed = answers
        if isinstance(added, Exception):
            return _failure(added, False)
        for count in confirmed:
            if isinstance(count, Exception):
                return replace(_failure(count, True), may_have_arrived=True)
            if count < (wanted := self.target.options["replicas"]):
                text = f"{count} of {wanted} replicas confirmed in time"
                return Answer("retry", "too_few_replicas", error=text, may_have_arrived=True)
        return Answer("sent", "duplicate" if added == _DUPLICATE else "added")

    def _current_pool(self, broker: Broker) -> _Pool:
        """Return the pool; a new one for a new secret."""
        texts = brokers.secret_texts(self.target, self.secrets)
        if self._pool is None or self._pool.texts != texts:
            if self._pool is not None:
                self._left.append(self._pool)
            self._pool = _Pool(self.target, self.secrets, broker, self._resolver, texts)
        return self._pool

    async def _close_unused(self) -> None:
        """Close pools that were replaced and whose sends have all ended."""
        for left in [one for one in self._left if not one.users]:
            self._left.remove(left)
            await left.close()


@dataclass
class _Attempt:
    """How far one send has come."""

    may_have_arrived: bool = False


class _Unconnected(Exception):
    """No connection could be made, because of `error`."""

    def __init__(self, error: OSError | IuError) -> None:
        super().__init__()
        self.error = error


class _Pinned(Connection):
    """A connection to a checked IP address, encrypted for the name of the host."""

    def __init__(self, *, opener: _Opener, **given: Any) -> None:
        super().__init__(**given)
        self._opener = opener

    async def _connect(self) -> None:
        try:
            self._reader, self._writer = await self._opener.open()
        except (OSError, IuError) as error:
            raise _Unconnected(error) from None


@dataclass(frozen=True)
class _Opener:
    """Opens connections of one target."""

    target: GrantedTarget
    secrets: Secrets
    broker: Broker
    resolver: Resolver

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Resolve the host, check the IP addresses, and connect to the first that answers.

        Raises:
            OSError: no connection could be made.
            IuError: a certificate is missing.
        """
        (endpoint,) = self.broker.endpoints
        context = brokers.encryption(self.target, self.secrets) if self.broker.is_encrypted else None
        return await brokers.reach(endpoint, self.resolver, context)


class _Pool:
    """The connections that log in with the same secrets. `users` counts the sends that use them or wait."""

    def __init__(
        self,
        target: GrantedTarget,
        secrets: Secrets,
        broker: Broker,
        resolver: Resolver,
        texts: tuple[str, ...],
    ) -> None:
        self.texts = texts
        self.users = 0
        self._connections = BlockingConnectionPool(
            max_connections=MOST_CONNECTIONS,
            timeout=None,
            connection_class=_Pinned,
            opener=_Opener(target, secrets, broker, resolver),
            db=int(broker.path or 0),
            username=broker.user,
            password=brokers.password(target, secrets),
            socket_timeout=None,
            socket_connect_timeout=target.timeout_seconds,
            retry=Retry(NoBackoff(), 0),
            protocol=2,  # with version 3 a server may send the library to another address
        )

    def __repr__(self) -> str:
        return f"_Pool(users={self.users})"

    async def run(self, commands: Sequence[tuple[str | bytes | int, ...]], attempt: _Attempt) -> list[Any]:
        """Send commands on one connection and return their answers, of which some may be errors.

        Raises:
            redis.exceptions.RedisError: the connection or the login failed.
        """
        self.users += 1
        try:
            connection = await self._connections.get_connection()  # type: ignore[no-untyped-call]
            try:
                attempt.may_have_arrived = True
                await connection.send_packed_command(connection.pack_commands(commands))
                return await _answers(connection, len(commands))
            finally:
                await self._connections.release(connection)
        finally:
            self.users -= 1

    async def close(self) -> None:
        """Close the connections, also if the server does not answer."""
        with suppress(redis.exceptions.RedisError, OSError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._connections.disconnect()


async def _answers(connection: Connection, count: int) -> list[Any]:
    """Return the answers to `count` commands. The last one may be an error, after which none is read."""
    answers: list[Any] = []
    while len(answers) < count:
        try:
            answers.append(await connection.read_response())
        except redis.exceptions.ResponseError as error:
            answers.append(error)
            if len(answers) < count:
                await connection.disconnect(nowait=True)
            break
    return answers


def _check_number(name: str, value: object, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        text = shown(value) if isinstance(value, str) else str(value)[:40]
        raise ArgumentInvalid(
            f"the value of option {name!r} is not valid: {text}", hint=f"Write a number from 1 to {most}."
        )


_NOT_PERMITTED: Final = "the login may not add entries to the stream"
_ERRORS: Final[tuple[tuple[type[Exception], str, str, bool], ...]] = (
    (redis.exceptions.BusyLoadingError, "loading", "the server loads its data", False),
    (redis.exceptions.AuthenticationError, "login_refused", "the server refused the login", True),
    (redis.exceptions.NoPermissionError, "not_permitted", _NOT_PERMITTED, True),
    (redis.exceptions.OutOfMemoryError, "full", "the memory of the server is full", False),
    (redis.exceptions.ReadOnlyError, "read_only", "the server is a replica, which takes no writes", False),
)
_WITHOUT_LOGIN: Final = "unauthenticated"
_WORDS: Final = {
    "WRONGTYPE": ("wrong_type", "the key of the stream has a value of another type"),
    "MISCONF": ("disk_failed", "the server cannot write to its disk"),
    "NOREPLICAS": ("too_few_replicas", "the server has too few replicas to take writes"),
    "MOVED": ("moved", "the stream is on another server of a cluster"),
    "CLUSTERDOWN": ("moved", "the cluster is down"),
}


def _failure(error: Exception, may_have_arrived: bool) -> Answer:
    """Return the answer for a failed send. The text of the server is not shown; it may contain anything."""
    if isinstance(error.__cause__, _Unconnected):
        return unconnected(error.__cause__.error)
    if isinstance(error, (TimeoutError, redis.exceptions.TimeoutError)):
        text = "no answer within the timeout"
        return Answer("retry", "timeout", error=text, may_have_arrived=may_have_arrived)
    for kind, status, text, is_local in _ERRORS:
        if isinstance(error, kind):
            return Answer("retry", status, error=text, local_fault=is_local)
    if isinstance(error, redis.exceptions.ResponseError):
        if _WITHOUT_LOGIN in str(error):
            return Answer("retry", "login_refused", error="the server demands a login", local_fault=True)
        status, text = _WORDS.get(str(error).split(" ")[0], ("refused", "the server refused the command"))
        return Answer("retry", status, error=text)
    text = "the connection was lost before the answer" if may_have_arrived else "no connection could be made"
    return Answer(
        "retry", "closed" if may_have_arrived else "refused", error=text, may_have_arrived=may_have_arrived
    )

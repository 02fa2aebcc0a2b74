"""Targets of kind `amqp`: a persistent message of each delivery to an exchange of RabbitMQ (AMQP 0-9-1).

The broker confirms a message when each queue that it was routed to has it; only then it counts as sent. The
headers are those of CloudEvents 1.0 in binary mode, with the prefix `cloudEvents:`. The connection goes to a
checked IP address, while TLS verifies the name of the host.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Mapping
from contextlib import suppress
from typing import Any, ClassVar, Final

from iu_pipelines import extras
from iu_pipelines.delivery import brokers
from iu_pipelines.delivery.addresses import Endpoint
from iu_pipelines.delivery.brokers import Broker
from iu_pipelines.delivery.kind import Answer, Message
from iu_pipelines.delivery.links import Link, LinkedTarget, Unconnected
from iu_pipelines.delivery.resolver import Resolver
from iu_pipelines.delivery.secrets import Secrets, check_name
from iu_pipelines.domain.targets import GrantedTarget
from iu_pipelines.errors import ArgumentInvalid, IuError

extras.require("amqp", "aio_pika")

import aio_pika  # noqa: E402
from aio_pika import DeliveryMode  # noqa: E402
from aio_pika.abc import AbstractChannel, AbstractExchange, ConnectionParameter  # noqa: E402
from aio_pika.exceptions import (  # noqa: E402
    AMQPError,
    AuthenticationError,
    ChannelNotFoundEntity,
    DeliveryError,
    ProbableAuthenticationError,
    PublishError,
)
from aiormq.connection import TransportFactory  # noqa: E402
from aiormq.exceptions import ChannelAccessRefused, ConnectionNotAllowed, InvalidFrameError  # noqa: E402
from yarl import URL  # noqa: E402

for _library in ("aio_pika", "aiormq"):
    # Each answer says what was wrong. Without a handler their records would be printed on stderr.
    logging.getLogger(_library).addHandler(logging.NullHandler())

PERSISTENT: Final = DeliveryMode.PERSISTENT
"""How a message is kept: a durable queue has it on disk before it is confirmed."""

_SCHEMES: Final = ("amqps",)
_PRIVATE_SCHEMES: Final = ("amqps", "amqp")
_OPTIONS: Final = ("exchange", "routing_key")
_VISIBLE: Final = r"[ -~]"
_CLOUD_EVENTS: Final = "cloudEvents:"
_CLOSE_SECONDS: Final = 1.0


class AmqpTarget(LinkedTarget):
    """One exchange, to which all sends publish over one connection with one channel."""

    kind: ClassVar[str] = "amqp"
    extra: ClassVar[str | None] = "amqp"

    @classmethod
    def check(
        cls, address: str, options: Mapping[str, Any], secret_name: str | None, *, private: bool
    ) -> None:
        """Check `amqps://USER@HOST[:PORT][,HOST…][/VHOST]`; `amqp` is for private addresses.

        Raises:
            TargetNotSafe: the address is not allowed, or contains a password.
            ArgumentInvalid: the address, an option or the name of the secret is wrong.
        """
        cls.parsed(address, private=private)
        brokers.check_options(cls.kind, options, _OPTIONS, required=("exchange",))
        hint = "Give at most 127 printable ASCII characters."
        brokers.check_text("exchange", options["exchange"], f"{_VISIBLE}{{0,127}}", hint)
        if "routing_key" in options:
            brokers.check_text("routing_key", options["routing_key"], f"{_VISIBLE}{{0,127}}", hint)
        if secret_name is None:
            raise ArgumentInvalid(
                "a target of kind amqp needs a secret, which is the password",
                hint="Give the name of a secret: IU_SECRET_<NAME> or the file NAME in IU_SECRETS_DIR.",
            )
        check_name(secret_name)

    @classmethod
    def parsed(cls, address: str, *, private: bool) -> Broker:
        """Return the parts of an address, after the checks of `check`."""
        schemes = _PRIVATE_SCHEMES if private else _SCHEMES
        found = brokers.check_address(address, *schemes, private=private, has_path=True)
        if not found.user:
            raise ArgumentInvalid(
                "the address names no user", hint="Write it as amqps://USER@HOST/VHOST, without a password."
            )
        hint = "Write / as %2F; a % cannot be in its name."
        brokers.check_path("virtual host", found.path, r"[ -$&-~]{0,127}", hint)
        return found


class AmqpLink(Link):
    """One connection with one channel, on which the broker confirms messages."""

    def __init__(self, broker: Broker, target: GrantedTarget, secrets: Secrets, resolver: Resolver) -> None:
        super().__init__(broker, target, secrets, resolver)
        context = brokers.encryption(target, secrets) if broker.is_encrypted else None
        self._transport = _Transport(broker, resolver, target.timeout_seconds, context)
        self._connection: _Connection | None = None
        self._channel: AbstractChannel | None = None
        self._exchange: AbstractExchange | None = None

    @property
    def is_open(self) -> bool:
        """Whether the connection and its channel are open and may be used."""
        if self.is_retired or self._connection is None or self._channel is None:
            return False
        return not (self._connection.is_closed or self._channel.is_closed)

    async def open(self) -> None:
        """Connect to the first host that accepts, log in, and find the exchange.

        Raises:
            Unconnected: no connection could be made, or the exchange does not exist.
            OSError: no connection could be made.
        """
        try:
            await _done(self._open(brokers.password(self.target, self._secrets) or ""))
        except IuError:
            raise
        except Exception as error:
            if (answer := _unconnected(error)) is None:
                raise
            raise Unconnected(answer) from None

    async def _open(self, password: str) -> None:
        self._connection = _Connection(
            _url(self.broker, password),
            transport_factory=self._transport,
            client_properties={"connection_name": "iu-pipelines"},
        )
        await self._connection.connect()
        self._channel = self._connection.channel(publisher_confirms=True, on_return_raises=True)
        await self._channel.initialize()
        name = self.target.options["exchange"]
        self._exchange = await self._channel.get_exchange(name) if name else self._channel.default_exchange

    async def publish(self, message: Message) -> Answer:
        """Publish one message and return the answer of the broker for it."""
        exchange = self._exchange
        if exchange is None:
            raise AssertionError("unreachable: a link is opened before it is used")
        key = self.target.options.get("routing_key", message.headers.get("ce-type"))
        try:
            await _done(exchange.publish(_encoded(message), str(key or ""), mandatory=True))
        except Exception as error:  # noqa: BLE001  as above
            return _unconfirmed(error, alone=not self.is_shared)
        return Answer("sent", "confirmed")

    async def end(self) -> None:
        """Close the connection, without waiting for a broker that does not answer."""
        if self.is_stuck:
            self._transport.abort()
        if self._connection is not None:
            with suppress(Exception):
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await self._connection.close()
        self._transport.abort()


AmqpTarget.link = AmqpLink


class _Transport(TransportFactory):
    """Resolves the hosts, and connects to one of the checked IP addresses."""

    def __init__(
        self, broker: Broker, resolver: Resolver, seconds: float, context: ssl.SSLContext | None
    ) -> None:
        self._broker = broker
        self._resolver = resolver
        self._seconds = seconds
        self._context = context
        self._writer: asyncio.StreamWriter | None = None

    async def create(self, url: URL, **kwargs: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Return the streams of a connection to the first host that accepts one."""
        reader, writer = await brokers.first_of(self._broker, self._seconds, self._reach)
        self._writer = writer
        return reader, writer

    async def _reach(self, endpoint: Endpoint) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await brokers.reach(endpoint, self._resolver, self._context)

    def abort(self) -> None:
        """Close the socket at once, with what is in its buffers."""
        if self._writer is not None:
            with suppress(AttributeError):  # of early Python 3.11, where the transport was closed already
                self._writer.transport.abort()


class _Connection(aio_pika.Connection):
    """A connection that is made by a given transport. It is never made again by itself."""

    PARAMETERS = (
        *aio_pika.Connection.PARAMETERS,
        ConnectionParameter(name="transport_factory", parser=lambda given: given, is_kwarg=True),
    )


async def _done(calling: Awaitable[object]) -> None:
    """Await a call of the library, which after a lost connection may end as if it had been cancelled.

    Raises:
        ConnectionResetError: it was cancelled, but not by us.
    """
    try:
        await calling
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise ConnectionResetError from None


def _url(broker: Broker, password: str) -> URL:
    """Return the URL from which the library takes the login and the virtual host. It connects elsewhere."""
    path = "/" + (broker.path or "/").replace("/", "%2F")
    return URL.build(
        scheme=broker.scheme, host="broker.invalid", user=broker.user, password=password, path=path
    )


def _encoded(message: Message) -> aio_pika.Message:
    headers: dict[str, Any] = {}
    for name, value in message.headers.items():
        if value is not None:
            headers[f"{_CLOUD_EVENTS}{name[3:]}" if name.startswith("ce-") else name] = str(value)
    headers.pop("content-type", None)
    return aio_pika.Message(
        message.body.encode(),
        headers=headers,
        content_type=str(message.headers.get("content-type") or "application/json"),
        content_encoding="utf-8",
        delivery_mode=PERSISTENT,
        message_id=message.key,
    )


_LOGIN_REFUSED: Final = Answer(
    "retry", "login_refused", error="the broker refused the login or the virtual host", local_fault=True
)
_LOGIN: Final = (
    AuthenticationError, ProbableAuthenticationError, ChannelAccessRefused, ConnectionNotAllowed
)  # fmt: skip
_CLOSE: Final = "Connection.Close"
"""In the text of an error: what the broker sent where it should have opened the virtual host."""


def _unconnected(error: Exception) -> Answer | None:
    """Return the answer for a failed connection: no message was sent. The broker's text is not kept.

    None is returned for an error of the network, which has the same answer for each kind.
    """
    if isinstance(error, _LOGIN) or (isinstance(error, InvalidFrameError) and _CLOSE in str(error)):
        return _LOGIN_REFUSED
    if isinstance(error, ChannelNotFoundEntity):
        return Answer("retry", "no_exchange", error="the broker has no such exchange")
    if isinstance(error, OSError) and not isinstance(error, (AMQPError, ConnectionResetError)):
        return None
    return Answer("retry", "closed", error="the connection was lost before a message was sent")


def _unconfirmed(error: Exception, *, alone: bool) -> Answer:
    """Return the answer for a message that was not confirmed. `alone`: no other one was in flight.

    The error of a channel ends all that is in flight on it, so that only a message that was alone caused it.
    """
    if isinstance(error, PublishError):
        return Answer("retry", "unroutable", error="the exchange routed the message to no queue")
    if isinstance(error, DeliveryError):
        text = "a queue did not take the message, for example because it is full"
        return Answer("retry", "nacked", error=text, may_have_arrived=True)
    if isinstance(error, ChannelAccessRefused):
        text = "the broker does not let this login write to the exchange"
        return Answer("retry", "login_refused", error=text, local_fault=True, may_have_arrived=not alone)
    if isinstance(error, ChannelNotFoundEntity):
        text = "the broker has no such exchange"
        return Answer("retry", "no_exchange", error=text, may_have_arrived=not alone)
    text = "the connection was closed before the message was confirmed"
    return Answer("retry", "closed", error=text, may_have_arrived=True)

"""Targets of kind `amqp`: a persistent message of each delivery to an exchange of RabbitMQ (AMQP 0-9-1).

The broker confirms a message when each queue that it was routed to has it; only then it counts as sent. The
headers are those of CloudEvents 1.0 in binary mode, with the prefix `cloudEvents:`. The connection goes to a
checked IP address, while TLS verifies the name of the host.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, ClassVar, Final

from iu_pipelines import extras
from iu_pipelines.delivery import addresses, brokers
from iu_pipelines.delivery.brokers import Broker
from iu_pipelines.delivery.deadline import Deadline
from iu_pipelines.delivery.kind import Answer, Message, TargetKind
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
from aiormq.exceptions import ChannelAccessRefused  # noqa: E402
from yarl import URL  # noqa: E402

_SCHEMES: Final = ("amqps",)
_PRIVATE_SCHEMES: Final = ("amqps", "amqp")
_OPTIONS: Final = ("exchange", "routing_key")
_VISIBLE: Final = r"[ -~]"
_CLOUD_EVENTS: Final = "cloudEvents:"
_CLOSE_SECONDS: Final = 1.0


class AmqpTarget(TargetKind):
    """One exchange. All sends share a connection, which is made anew after a failure or for a new secret."""

    kind: ClassVar[str] = "amqp"
    extra: ClassVar[str | None] = "amqp"

    def __init__(self, target: GrantedTarget, secrets: Secrets) -> None:
        super().__init__(target, secrets)
        self._deadline = Deadline(target.timeout_seconds)
        self._broker: Broker | None = None
        self._link: _Link | None = None
        self._connecting: asyncio.Task[_Link] | None = None
        self._retired: set[asyncio.Task[None]] = set()

    @classmethod
    def check(
        cls, address: str, options: Mapping[str, Any], secret_name: str | None, *, private: bool
    ) -> None:
        """Check `amqps://USER@HOST[:PORT][,HOST…][/VHOST]`; `amqp` is for private addresses.

        Raises:
            TargetNotSafe: the address is not allowed, or contains a password.
            ArgumentInvalid: the address, an option or the name of the secret is wrong.
        """
        _parsed(address, private)
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

    async def open(self) -> None:
        """Check the definition and the secrets; the first send connects.

        Raises:
            TargetNotSafe, ArgumentInvalid: as `check` does.
            UsageError: a secret is missing, bound to another host, or no certificate.
        """
        private = self.target.allow_private
        self.check(self.target.address, self.target.options, self.target.secret_name, private=private)
        self._broker = _parsed(self.target.address, private)
        brokers.secret_texts(self.target, self.secrets)
        brokers.encryption(self.target, self.secrets)

    async def send(self, message: Message) -> Answer:
        """Publish one message and wait until the broker confirms it."""
        if (refused := brokers.too_large(message)) is not None:
            return refused
        if self._broker is None:
            return brokers.local("the target is not open")
        sending = _Sending()
        try:
            return await self._deadline.limit(self._send(self._broker, message, sending))
        except TimeoutError:
            if sending.link is not None:
                # What waits in its buffers must not be sent after this answer.
                sending.link.is_stuck = True
                self._retire(sending.link)
            return _unanswered("timeout", "no answer within the timeout", sending)

    async def _send(self, broker: Broker, message: Message, sending: _Sending) -> Answer:
        try:
            link = await self._connected(broker)
        except IuError as error:
            return brokers.local(error.message)
        except (AMQPError, OSError, RuntimeError) as error:
            return _unconnected(error)
        sending.link = link
        return await link.publish(message, self.target.options)

    async def close(self) -> None:
        """Close all connections."""
        connecting, self._connecting = self._connecting, None
        if connecting is not None:
            connecting.cancel()
            await asyncio.gather(connecting, return_exceptions=True)
        if self._link is not None:
            self._retire(self._link)
        await asyncio.gather(*self._retired, return_exceptions=True)

    def sign(self, message: Message, at: datetime) -> str:
        """Return an empty text: the login of the sender stands for it. The secret is looked up.

        Raises:
            UsageError: the secret is missing or bound to another host.
        """
        brokers.password(self.target, self.secrets)
        return ""

    async def _connected(self, broker: Broker) -> _Link:
        """Return the connection; a new one after a failure, or for a new secret. Many tasks make one."""
        current = brokers.secret_texts(self.target, self.secrets)
        link = self._link
        if link is not None:
            if link.is_open and link.secrets == current:
                return link
            self._retire(link)
        if self._connecting is None:
            self._connecting = asyncio.create_task(self._connect(broker, current))
            self._connecting.add_done_callback(self._made)
        return await asyncio.shield(self._connecting)

    async def _connect(self, broker: Broker, current: tuple[str, ...]) -> _Link:
        link = _Link(current)
        try:
            async with asyncio.timeout(self.target.timeout_seconds):
                await link.open(broker, self.target, self.secrets)
        except BaseException:
            await link.close()
            raise
        return link

    def _made(self, task: asyncio.Task[_Link]) -> None:
        if self._connecting is task:
            self._connecting = None
        if not task.cancelled() and task.exception() is None:
            self._link = task.result()

    def _retire(self, link: _Link) -> None:
        """Close a connection that no new send uses, when the sends that use it have ended."""
        if self._link is link:
            self._link = None
        if not link.is_retired:
            link.is_retired = True
            task = asyncio.create_task(link.close())
            self._retired.add(task)
            task.add_done_callback(self._retired.discard)


class _Sending:
    """How far a send is: with a link, the message may have been written to it."""

    link: _Link | None = None


class _Link:
    """One connection with one channel, on which the broker confirms messages."""

    def __init__(self, secrets: tuple[str, ...]) -> None:
        self.secrets = secrets
        self.is_retired = False
        self.is_stuck = False
        self._in_flight = 0
        self._is_shared = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._transport = _Transport()
        self._connection: _Connection | None = None
        self._channel: AbstractChannel | None = None
        self._exchange: AbstractExchange | None = None

    def __repr__(self) -> str:
        return f"<_Link: {'open' if self.is_open else 'closed'}>"

    @property
    def is_open(self) -> bool:
        """Whether the connection and its channel are open and may be used."""
        if self.is_retired or self._connection is None or self._channel is None:
            return False
        return not (self._connection.is_closed or self._channel.is_closed)

    async def open(self, broker: Broker, target: GrantedTarget, secrets: Secrets) -> None:
        """Connect to the first host that accepts, log in, and find the exchange.

        Raises:
            AMQPError, OSError: no connection could be made, or the exchange does not exist.
        """
        self._transport.broker = broker
        self._transport.private = target.allow_private
        if broker.is_encrypted:
            self._transport.context = brokers.encryption(target, secrets)
        self._connection = _Connection(
            _url(broker, brokers.password(target, secrets) or ""),
            transport_factory=self._transport,
            client_properties={"connection_name": "iu-pipelines"},
        )
        await self._connection.connect()
        channel = self._connection.channel(publisher_confirms=True, on_return_raises=True)
        await channel.initialize()
        self._channel = channel
        name = target.options["exchange"]
        self._exchange = await channel.get_exchange(name) if name else channel.default_exchange

    async def publish(self, message: Message, options: Mapping[str, Any]) -> Answer:
        """Publish one message and return the answer of the broker for it."""
        exchange = self._exchange
        if exchange is None:
            raise AssertionError("unreachable: a link is opened before it is used")
        key = options.get("routing_key", message.headers.get("ce-type"))
        self._is_shared = self._is_shared or self._in_flight > 0
        self._in_flight += 1
        self._idle.clear()
        try:
            await exchange.publish(_encoded(message), str(key or ""), mandatory=True)
        except (AMQPError, OSError, RuntimeError) as error:
            return _unconfirmed(error, alone=not self._is_shared)
        finally:
            self._in_flight -= 1
            if not self._in_flight:
                self._is_shared = False
                self._idle.set()
        return Answer("sent", "confirmed")

    async def close(self) -> None:
        """Close the connection after the last send, without waiting for a broker that does not answer."""
        await self._idle.wait()
        if self.is_stuck:
            self._transport.abort()
        if self._connection is not None:
            with suppress(TimeoutError, AMQPError, OSError, RuntimeError):
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await self._connection.close()
        self._transport.abort()


class _Transport(TransportFactory):
    """Resolves the hosts, and connects to one of the checked IP addresses."""

    broker: Broker
    private = False
    context: ssl.SSLContext | None = None

    def __init__(self) -> None:
        self._writer: asyncio.StreamWriter | None = None

    async def create(self, url: URL, **kwargs: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Return the streams of a connection to the first host that accepts one."""
        failed: OSError | None = None
        for endpoint in self.broker.endpoints:
            try:
                ips = await brokers.resolved(endpoint, self.broker.scheme, private=self.private)
            except OSError as error:
                failed = error
                continue
            for ip in ips:
                name = endpoint.host if self.context else None
                try:
                    reader, self._writer = await asyncio.open_connection(
                        ip, endpoint.port, ssl=self.context, server_hostname=name
                    )
                except OSError as error:
                    failed = error
                    continue
                return reader, self._writer
        raise failed or OSError("the host has no address")

    def abort(self) -> None:
        """Close the socket at once, with what is in its buffers."""
        if self._writer is not None:
            self._writer.transport.abort()


class _Connection(aio_pika.Connection):
    """A connection that is made by a given transport. It is never made again by itself."""

    PARAMETERS = (
        *aio_pika.Connection.PARAMETERS,
        ConnectionParameter(name="transport_factory", parser=lambda given: given, is_kwarg=True),
    )


def _parsed(address: str, private: bool) -> Broker:
    schemes = _PRIVATE_SCHEMES if private else _SCHEMES
    found = brokers.check_address(address, *schemes, private=private, has_path=True)
    if not found.user:
        raise ArgumentInvalid(
            "the address names no user", hint="Write it as amqps://USER@HOST/VHOST, without a password."
        )
    brokers.check_text(
        "virtual host", found.path, r"[ -$&-~]{0,127}", "Write / as %2F; a % cannot be in its name."
    )
    return found


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
        delivery_mode=DeliveryMode.PERSISTENT,
        message_id=message.key,
    )


_LOGIN_REFUSED: Final = Answer(
    "retry", "login_refused", error="the broker refused the login", local_fault=True
)
_UNCONNECTED: Final[tuple[tuple[type[Exception], str, str], ...]] = (
    (TimeoutError, "timeout", "no connection within the timeout"),
    (socket.gaierror, "unknown_host", "the name of the host could not be resolved"),
    (ssl.SSLCertVerificationError, "tls", "the certificate of the broker is not valid"),
    (ssl.SSLError, "tls", "no TLS connection could be made"),
    (ChannelNotFoundEntity, "no_exchange", "the broker has no such exchange"),
    (AMQPError, "closed", "the broker closed the connection before a message was sent"),
    (ConnectionResetError, "closed", "the broker closed the connection before a message was sent"),
)


def _unconnected(error: Exception) -> Answer:
    """Return the answer for a failed connection: no message was sent. The broker's text is not kept."""
    if isinstance(error, addresses.AddressRefused):
        return Answer("retry", "not_safe", error=str(error))
    if isinstance(error, AuthenticationError | ProbableAuthenticationError | ChannelAccessRefused):
        return _LOGIN_REFUSED
    for kind, status_class, text in _UNCONNECTED:
        if isinstance(error, kind):
            return Answer("retry", status_class, error=text)
    return Answer("retry", "refused", error="no connection could be made")


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


def _unanswered(status_class: str, text: str, sending: _Sending) -> Answer:
    return Answer("retry", status_class, error=text, may_have_arrived=sending.link is not None)

"""Targets of kind `nats`: a message of NATS JetStream for each delivery, whose acknowledgement is awaited.

The key of a delivery is the header `Nats-Msg-Id`, by which a stream drops duplicates within its window. The
headers are those of CloudEvents 1.0 in binary mode. The library makes no connection by itself, because it
would choose among addresses that the server names and that nobody checked.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, ClassVar, Final
from urllib.parse import ParseResult

from iu_pipelines import extras
from iu_pipelines.delivery import brokers
from iu_pipelines.delivery.addresses import Endpoint
from iu_pipelines.delivery.brokers import Broker
from iu_pipelines.delivery.kind import Answer, Message
from iu_pipelines.delivery.links import Link, LinkedTarget, Unconnected

extras.require("nats", "nats")

import nats.errors  # noqa: E402
from nats.aio.client import Client  # noqa: E402
from nats.aio.msg import Msg  # noqa: E402
from nats.aio.transport import TcpTransport  # noqa: E402

_SCHEMES: Final = ("tls",)
_PRIVATE_SCHEMES: Final = ("tls", "nats")
_OPTIONS: Final = ("subject", "stream")
_SUBJECT: Final = r"(?=.{1,200}$)(?!_INBOX(\.|$))[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*"
_STREAM: Final = r"[A-Za-z0-9_-]{1,100}"

_CLOSE_SECONDS: Final = 0.5
_LONG_SECONDS: Final = 86_400
"""A limit of the library that is not reached, because the timeout of the target ends first."""

_NO_RESPONDERS: Final = "503"
_LOGIN_REFUSED: Final = ("authorization violation", "user authentication")
_FULL: Final = ("maximum messages", "maximum bytes", "insufficient")
_STORE_FAILED, _TOO_LARGE, _OTHER_STREAM = 10077, 10054, 10060
_NO_ROOM: Final = (10023, 10028, 10047)


class NatsTarget(LinkedTarget):
    """One subject of NATS, with one connection that all sends share."""

    kind: ClassVar[str] = "nats"
    extra: ClassVar[str | None] = "nats"

    @classmethod
    def check(
        cls, address: str, options: Mapping[str, Any], secret_name: str | None, *, private: bool
    ) -> None:
        """Check `tls://[USER@]HOST[:PORT][,HOST…]` (nats:// is for private addresses) and the options.

        Raises:
            TargetNotSafe: the address is not allowed, or contains a password.
            ArgumentInvalid: the address, an option or the name of the secret is wrong.
        """
        broker = cls.parsed(address, private=private)
        brokers.check_options(cls.kind, options, _OPTIONS, ("subject",))
        hint = "Write letters, digits, _ and - with dots between them, such as shop.orders, and no wildcard."
        brokers.check_text("subject", options["subject"], _SUBJECT, hint)
        if "stream" in options:
            brokers.check_text("stream", options["stream"], _STREAM, "Write the name of a stream.")
        brokers.check_login(cls.kind, broker, secret_name)

    @classmethod
    def parsed(cls, address: str, *, private: bool) -> Broker:
        """Return the parts of an address, after the checks of `check`."""
        schemes = _PRIVATE_SCHEMES if private else _SCHEMES
        return brokers.check_address(address, *schemes, private=private)


class NatsLink(Link):
    """One connection to the first host that lets us log in."""

    _connection: _Connection | None = None

    @property
    def is_open(self) -> bool:
        """Whether messages can be published."""
        connection = self._connection
        return connection is not None and connection.is_usable and not self.is_retired

    async def open(self) -> None:
        """Connect to the first host that answers, encrypt, and log in.

        Raises:
            Unconnected: the login was refused.
            IuError: a secret is missing, bound to another host or malformed.
            OSError: no connection could be made.
        """
        self._connection = await brokers.first_of(self.broker, self.target.timeout_seconds, self._connect)

    async def _connect(self, endpoint: Endpoint) -> _Connection:
        context = brokers.encryption(self.target, self._secrets)
        password = brokers.password(self.target, self._secrets)
        transport = _Transport(*await brokers.reach(endpoint, self._resolver), self.broker.is_encrypted)
        made = _Connection(transport)
        try:
            await made.login(endpoint, context, self.broker.user, password)
        except BaseException:
            transport.abort()
            raise
        return made

    async def publish(self, message: Message) -> Answer:
        """Publish one message. Only the acknowledgement of a stream accepts it."""
        connection = self._connection
        if connection is None:
            raise AssertionError("unreachable: a link is opened before it is used")
        headers = brokers.encoded(message)
        headers["Nats-Msg-Id"] = message.key
        headers["ce-datacontenttype"] = headers.get("content-type", "application/json")
        if expected := self.target.options.get("stream"):
            headers["Nats-Expected-Stream"] = expected
        try:
            return await connection.publish(self.target.options["subject"], message.body.encode(), headers)
        except (OSError, nats.errors.Error) as error:
            return _unacknowledged(error)

    async def end(self) -> None:
        """Close the connection, also if the server does not answer."""
        if self._connection is not None:
            await self._connection.close(at_once=self.is_stuck)


NatsTarget.link = NatsLink


class _Lost(ConnectionError):
    """The connection was lost before the acknowledgement."""


class _NotPermitted(ConnectionError):
    """The login may not publish, or not receive acknowledgements: then the message may have arrived."""

    def __init__(self, may_have_arrived: bool) -> None:
        super().__init__()
        self.may_have_arrived = may_have_arrived


class _Transport(TcpTransport):
    """A connection to a checked IP address. Nothing is sent in clear text if it must be encrypted."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, must_be_encrypted: bool
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._bare_io_reader = self._io_reader = reader
        self._bare_io_writer = self._io_writer = writer
        self._connected = writer.transport
        self._may_write = not must_be_encrypted
        self._is_taken = False
        self.when_lost: Callable[[], None] = lambda: None

    async def connect(self, uri: ParseResult, buffer_size: int, connect_timeout: int) -> None:
        """Take the connection that exists. A second one is refused: the library would choose its address."""
        if self._is_taken:
            raise ConnectionError
        self._is_taken = True

    async def connect_tls(
        self, uri: str | ParseResult, ssl_context: ssl.SSLContext, buffer_size: int, connect_timeout: int
    ) -> None:
        """Encrypt the connection."""
        await super().connect_tls(uri, ssl_context, buffer_size, connect_timeout)
        self._may_write = True

    def write(self, payload: bytes) -> None:
        """Write bytes.

        Raises:
            SecureConnWantedError: the connection is not encrypted, because the server did not ask for it.
        """
        if not self._may_write:
            raise nats.errors.SecureConnWantedError
        super().write(payload)  # type: ignore[no-untyped-call]

    def writelines(self, payload: list[bytes]) -> None:
        """Write bytes, as `write` does."""
        if not self._may_write:
            raise nats.errors.SecureConnWantedError
        super().writelines(payload)  # type: ignore[no-untyped-call]

    async def read(self, buffer_size: int) -> bytes:
        """Return bytes of the server. At the end of the connection `when_lost` is called first."""
        found = b""
        try:
            found = bytes(await super().read(buffer_size))
        finally:
            if not found:
                self.when_lost()
        return found

    def abort(self) -> None:
        """Close the connection at once."""
        self._connected.abort()


class _Connection:
    """One connection and the messages whose acknowledgement is awaited."""

    def __init__(self, transport: _Transport) -> None:
        self._lost: ConnectionError | None = None
        self._transport = transport
        transport.when_lost = self._lose
        self._client = Client()
        self._client._transport = transport  # the library takes no connection that exists
        self._inbox = self._client.new_inbox()
        self._number = 0
        self._waiting: dict[str, asyncio.Future[Answer]] = {}

    @property
    def is_usable(self) -> bool:
        """Whether messages can be published."""
        return bool(self._client.is_connected) and self._lost is None

    async def login(
        self, endpoint: Endpoint, context: ssl.SSLContext, user: str | None, password: str | None
    ) -> None:
        """Greet the server, encrypt, and log in. The caller limits the time.

        Raises:
            Unconnected: the server refused the login, or does not let it receive acknowledgements.
            OSError: the connection failed.
        """
        host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
        try:
            await self._client.connect(
                servers=[f"{endpoint.scheme}://{host}:{endpoint.port}"],
                name="iu-pipelines",
                error_cb=self._note,
                closed_cb=self._end,
                allow_reconnect=False,
                connect_timeout=_LONG_SECONDS,
                max_reconnect_attempts=1,
                reconnect_time_wait=0,
                tls=context,
                tls_hostname=endpoint.host,
                user=user,
                password=password if user is not None else None,
                token=password if user is None else None,
                # Without it, a publish that is cancelled while the buffer is full would wait on.
                pending_size=0,
            )
            if not self._client.is_connected:
                raise _Lost
            await self._client.subscribe(f"{self._inbox}.*", cb=self._take)
            # The first PING overtakes the subscription, which waits in a buffer of the library. Only the
            # answer to the second one comes after an error about the subscription.
            for _ in range(2):
                await self._client.flush(_LONG_SECONDS)
        except nats.errors.Error as error:
            raise _unconnected(error) from None
        if isinstance(self._lost, _NotPermitted):
            raise Unconnected(replace(_unacknowledged(self._lost), may_have_arrived=False))
        if self._lost is not None:
            raise self._lost

    async def publish(self, subject: str, body: bytes, headers: dict[str, str]) -> Answer:
        """Publish a message and return what the stream, or the server without one, has answered.

        Raises:
            _Lost: the connection was lost before.
            _NotPermitted: the login may not publish it, or not receive acknowledgements.
            nats.errors.Error: the library refused it.
        """
        if self._lost is not None:
            raise self._lost
        self._number += 1
        reply = f"{self._inbox}.{self._number}"
        waiting: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[reply] = waiting
        try:
            await self._client.publish(subject, body, reply=reply, headers=headers)
            return await waiting
        finally:
            del self._waiting[reply]

    async def close(self, *, at_once: bool) -> None:
        """Close the connection, also if the server does not answer. What waits to be sent is not sent."""
        if at_once:
            self._transport.abort()
        with suppress(Exception):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._client.close()
        self._transport.abort()

    async def _take(self, reply: Msg) -> None:
        waiting = self._waiting.get(reply.subject)
        if waiting is not None and not waiting.done():
            waiting.set_result(_answer(reply))

    async def _note(self, error: Exception) -> None:
        text = str(error).lower()
        if "permissions violation" in text:
            self._lose(_NotPermitted("subscription" in text))

    async def _end(self) -> None:
        self._lose()

    def _lose(self, error: ConnectionError | None = None) -> None:
        """Use the connection no more, and end what waits for an acknowledgement."""
        self._lost = error or _Lost()
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(self._lost)


def _answer(reply: Msg) -> Answer:
    """Return the answer for a reply. Its texts are not shown; another program may have sent it."""
    if (reply.headers or {}).get("Status") == _NO_RESPONDERS:
        return Answer("retry", "no_stream", error="no stream takes the subject")
    try:
        found = json.loads(reply.data)
        if (error := found.get("error")) is not None:
            return _refusal(int(error["err_code"]), str(error["description"]).lower())
        if found["stream"] and int(found["seq"]) > 0:
            return Answer("sent", "duplicate" if found.get("duplicate") is True else "stored")
    except (ValueError, TypeError, KeyError, AttributeError):
        pass
    text = "the answer is not that of a stream"
    return Answer("retry", "malformed", error=text, may_have_arrived=True)


def _refusal(code: int, description: str) -> Answer:
    """Return the answer for an error of JetStream, after which nothing was stored."""
    if code in _NO_ROOM or (code == _STORE_FAILED and any(word in description for word in _FULL)):
        return Answer("retry", "full", error=f"the stream is full: error {code}")
    if code == _TOO_LARGE:
        return Answer("retry", "too_large", error=f"the stream takes no message of this size: error {code}")
    if code == _OTHER_STREAM:
        return Answer("retry", "other_stream", error=f"another stream takes the subject: error {code}")
    return Answer("retry", "refused", error=f"the stream refused the message: error {code}")


def _unconnected(error: nats.errors.Error) -> Exception:
    """Return the exception for a failed login."""
    if any(word in str(error).lower() for word in _LOGIN_REFUSED):
        text = "the server refused the login"
        return Unconnected(Answer("retry", "login_refused", error=text, local_fault=True))
    if isinstance(error, nats.errors.SecureConnWantedError):
        return ssl.SSLError("the server does not encrypt")
    return TimeoutError() if isinstance(error, TimeoutError) else _Lost()


def _unacknowledged(error: Exception) -> Answer:
    """Return the answer for a message without an acknowledgement."""
    if isinstance(error, nats.errors.MaxPayloadError):
        return Answer("retry", "too_large", error="the server takes no message of this size")
    if isinstance(error, _NotPermitted):
        text = "the login may not publish, or not receive acknowledgements"
        arrived = error.may_have_arrived
        return Answer("retry", "not_permitted", error=text, local_fault=True, may_have_arrived=arrived)
    text = "the connection was lost before the acknowledgement"
    return Answer("retry", "closed", error=text, may_have_arrived=True)

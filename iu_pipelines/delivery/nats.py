"""Targets of kind `nats`: a message of NATS JetStream for each delivery, whose acknowledgement is awaited.

The key of a delivery is the header `Nats-Msg-Id`, by which a stream drops duplicates within its window. The
headers are those of CloudEvents 1.0 in binary mode. A target has one connection, made at the first send and
again at the first send after it was lost: the library makes none, because it would choose among addresses
that the server names and that nobody checked.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Final
from urllib.parse import ParseResult

from iu_pipelines import extras
from iu_pipelines.delivery import addresses, brokers
from iu_pipelines.delivery.addresses import Endpoint
from iu_pipelines.delivery.brokers import Broker
from iu_pipelines.delivery.deadline import Deadline
from iu_pipelines.delivery.kind import Answer, Message, TargetKind
from iu_pipelines.delivery.secrets import Secret, Secrets, check_name
from iu_pipelines.domain.targets import GrantedTarget
from iu_pipelines.errors import ArgumentInvalid, IuError

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

_NO_RESPONDERS: Final = "503"
_LOGIN_REFUSED: Final = ("authorization violation", "user authentication")
_FULL: Final = ("maximum messages", "maximum bytes", "insufficient")
_STORE_FAILED, _TOO_LARGE, _OTHER_STREAM = 10077, 10054, 10060
_NO_ROOM: Final = (10023, 10028, 10047)


class NatsTarget(TargetKind):
    """One subject of NATS, with one connection that all sends share."""

    kind: ClassVar[str] = "nats"
    extra: ClassVar[str | None] = "nats"

    def __init__(self, target: GrantedTarget, secrets: Secrets) -> None:
        super().__init__(target, secrets)
        self._deadline = Deadline(target.timeout_seconds)
        self._lock = asyncio.Lock()
        self._broker: Broker | None = None
        self._first = 0
        self._connection: _Connection | None = None
        self._left: list[_Connection] = []

    @classmethod
    def check(
        cls, address: str, options: Mapping[str, Any], secret_name: str | None, *, private: bool
    ) -> None:
        """Check `tls://[USER@]HOST[:PORT][,HOST…]` (nats:// is for private addresses) and the options.

        Raises:
            TargetNotSafe: the address is not allowed, or contains a password.
            ArgumentInvalid: the address, an option or the name of the secret is wrong.
        """
        broker = _broker(address, private)
        brokers.check_options("nats", options, _OPTIONS, ("subject",))
        hint = "Write letters, digits, _ and - with dots between them, such as shop.orders, and no wildcard."
        brokers.check_text("subject", options["subject"], _SUBJECT, hint)
        if "stream" in options:
            brokers.check_text("stream", options["stream"], _STREAM, "Write the name of a stream.")
        if secret_name is not None:
            check_name(secret_name)
        elif broker.user is not None:
            raise ArgumentInvalid(
                "a target of kind nats whose address has a user needs a secret, which is the password",
                hint="Give the name of a secret, or an address without a user.",
            )

    async def open(self) -> None:
        """Check the definition and the secrets; the first send connects.

        Raises:
            TargetNotSafe, ArgumentInvalid: as `check` does.
            UsageError: a secret is missing, bound to another host, or no certificate.
        """
        private = self.target.allow_private
        self.check(self.target.address, self.target.options, self.target.secret_name, private=private)
        self._secret()
        brokers.encryption(self.target, self.secrets)
        self._broker = _broker(self.target.address, private)

    async def send(self, message: Message) -> Answer:
        """Publish one message. Only the acknowledgement of a stream accepts it."""
        if large := brokers.too_large(message):
            return large
        if self._broker is None:
            return brokers.local("the target is not open")
        attempt = _Attempt()
        try:
            return await self._deadline.limit(self._publish(message, attempt))
        except IuError as error:
            return brokers.local(error.message)
        except (OSError, TimeoutError, nats.errors.Error) as error:
            if isinstance(error, TimeoutError):
                await self._give_up(attempt.connection)
            return _failure(error, attempt.connection is not None)

    async def close(self) -> None:
        """Close the connection."""
        self._broker = None
        if self._connection is not None:
            self._left.append(self._connection)
            self._connection = None
        while self._left:
            await self._left.pop().close()

    def sign(self, message: Message, at: datetime) -> str:
        """Return an empty text: the login of the sender stands for it. The secret is looked up.

        Raises:
            UsageError: the secret is missing or bound to another host.
        """
        self._secret()
        return ""

    async def _publish(self, message: Message, attempt: _Attempt) -> Answer:
        connection = await self._connected()
        headers = brokers.encoded(message)
        headers["Nats-Msg-Id"] = message.key
        headers["ce-datacontenttype"] = headers.get("content-type", "application/json")
        if expected := self.target.options.get("stream"):
            headers["Nats-Expected-Stream"] = expected
        attempt.connection = connection
        try:
            return await connection.publish(self.target.options["subject"], message.body.encode(), headers)
        finally:
            await self._close_unused()

    async def _connected(self) -> _Connection:
        """Return the connection; a new one after a loss, or for a new secret."""
        found = self._secret()
        if (present := self._usable(found)) is not None:
            return present
        async with self._lock:
            if (present := self._usable(found)) is not None:
                return present
            if self._connection is not None:
                self._left.append(self._connection)
                self._connection = None
            self._connection = await self._connect(found)
            return self._connection

    def _usable(self, secret: Secret | None) -> _Connection | None:
        present = self._connection
        return present if present and present.secret is secret and present.is_connected else None

    async def _give_up(self, connection: _Connection | None) -> None:
        """Use a connection no more on which an answer was too late: it may be dead without a word."""
        if connection is not None:
            connection.is_stuck = True
            if self._connection is connection:
                self._left.append(connection)
                self._connection = None
            await self._close_unused()

    async def _close_unused(self) -> None:
        """Close connections that were replaced and whose sends have all ended."""
        for left in [one for one in self._left if not one.is_used]:
            self._left.remove(left)
            await left.close()

    async def _connect(self, secret: Secret | None) -> _Connection:
        """Connect to the first host that answers, beginning with the one that answered last."""
        if self._broker is None:
            raise ConnectionError
        hosts = self._broker.endpoints
        failure: Exception = OSError()
        for number in (*range(self._first, len(hosts)), *range(self._first)):
            try:
                async with asyncio.timeout(self.target.timeout_seconds / len(hosts)):
                    made = await self._connect_to(hosts[number], self._broker, secret)
            except _Refused:
                raise
            except (OSError, nats.errors.Error) as error:
                failure = error
                continue
            self._first = number
            return made
        raise failure

    async def _connect_to(self, endpoint: Endpoint, broker: Broker, secret: Secret | None) -> _Connection:
        context = brokers.encryption(self.target, self.secrets)
        ips = await brokers.resolved(endpoint, broker.scheme, private=self.target.allow_private)
        transport = await _reach(ips, endpoint.port, broker.is_encrypted)
        made = _Connection(transport, secret)
        try:
            await made.login(endpoint, context, broker, self.target.timeout_seconds)
        except BaseException:
            transport.abort()
            raise
        return made

    def _secret(self) -> Secret | None:
        name = self.target.secret_name
        return self.secrets.find(name, self.target.address) if name else None


@dataclass
class _Attempt:
    """How far one send has come."""

    connection: _Connection | None = None
    """The connection to which the message was given; it may have arrived since."""


class _Lost(ConnectionError):
    """The connection was lost before the acknowledgement."""


class _Refused(ConnectionError):
    """The server refused the login, or a permission (`is_login` is false)."""

    def __init__(self, is_login: bool) -> None:
        super().__init__()
        self.is_login = is_login


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

    def __init__(self, transport: _Transport, secret: Secret | None) -> None:
        self.secret = secret
        self.is_stuck = False
        self._is_lost = False
        self._transport = transport
        transport.when_lost = self._lose
        self._client = Client()
        self._client._transport = transport  # the library takes no connection that exists
        self._inbox = self._client.new_inbox()
        self._number = 0
        self._waiting: dict[str, asyncio.Future[Answer]] = {}

    @property
    def is_connected(self) -> bool:
        """Whether messages can be published."""
        return bool(self._client.is_connected) and not self._is_lost

    @property
    def is_used(self) -> bool:
        """Whether a message waits for its acknowledgement."""
        return bool(self._waiting)

    async def login(self, endpoint: Endpoint, context: ssl.SSLContext, broker: Broker, seconds: int) -> None:
        """Greet the server, encrypt, and log in.

        Raises:
            _Refused: the server refused the login.
            OSError, nats.errors.Error: the connection failed.
        """
        host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
        text = self.secret.text if self.secret else None
        try:
            await self._client.connect(
                servers=[f"{endpoint.scheme}://{host}:{endpoint.port}"],
                name="iu-pipelines",
                error_cb=self._note,
                closed_cb=self._end,
                allow_reconnect=False,
                connect_timeout=seconds,
                max_reconnect_attempts=1,
                reconnect_time_wait=0,
                tls=context,
                tls_hostname=endpoint.host,
                user=broker.user,
                password=text if broker.user is not None else None,
                token=text if broker.user is None else None,
                # Without it, a publish that is cancelled while the buffer is full would wait on.
                pending_size=0,
            )
        except nats.errors.Error as error:
            if any(word in str(error).lower() for word in _LOGIN_REFUSED):
                raise _Refused(True) from None
            raise
        if not self._client.is_connected:
            raise _Lost
        await self._client.subscribe(f"{self._inbox}.*", cb=self._take)

    async def publish(self, subject: str, body: bytes, headers: dict[str, str]) -> Answer:
        """Publish a message and return what the stream, or the server without one, has answered.

        Raises:
            _Lost: the connection was lost before.
            _Refused: the login may not publish it, or not receive acknowledgements.
        """
        self._number += 1
        reply = f"{self._inbox}.{self._number}"
        waiting: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[reply] = waiting
        try:
            await self._client.publish(subject, body, reply=reply, headers=headers)
            return await waiting
        finally:
            del self._waiting[reply]

    async def close(self) -> None:
        """Close the connection, also if the server does not answer. What waits to be sent is not sent."""
        if self.is_stuck:
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
        if "permissions violation" in str(error).lower():
            self._fail(_Refused(False))

    async def _end(self) -> None:
        self._lose()

    def _lose(self) -> None:
        self._is_lost = True
        self._fail(_Lost())

    def _fail(self, error: Exception) -> None:
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(error)


_LOGIN_WORDS: Final = (
    "authorization violation",
    "authentication",
    "account",
    "nkey",
    "permissions violation",
)


async def _reach(ips: Sequence[str], port: int, must_be_encrypted: bool) -> _Transport:
    failure = OSError()
    for ip in ips:
        try:
            reader, writer = await asyncio.open_connection(ip, port)
        except OSError as error:
            failure = error
            continue
        return _Transport(reader, writer, must_be_encrypted)
    raise failure


def _broker(address: str, private: bool) -> Broker:
    return brokers.check_address(address, *(_PRIVATE_SCHEMES if private else _SCHEMES), private=private)


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


_FAILURES: Final[tuple[tuple[type[BaseException], str, str], ...]] = (
    (TimeoutError, "timeout", "no answer within the timeout"),
    (ssl.SSLCertVerificationError, "tls", "the certificate of the server is not valid"),
    (ssl.SSLError, "tls", "no TLS connection could be made"),
    (nats.errors.SecureConnWantedError, "tls", "the server does not encrypt"),
    (socket.gaierror, "unknown_host", "the name of the host could not be resolved"),
)


def _failure(error: Exception, may_have_arrived: bool) -> Answer:
    """Return the answer for a send without an acknowledgement."""
    if isinstance(error, addresses.AddressRefused):
        return Answer("retry", "not_safe", error=str(error))
    if isinstance(error, nats.errors.MaxPayloadError):
        return Answer("retry", "too_large", error="the server takes no message of this size")
    if isinstance(error, _Refused):
        refused = "login" if error.is_login else "permission to publish or to receive acknowledgements"
        status = "login_refused" if error.is_login else "not_permitted"
        return Answer("retry", status, error=f"the server refused the {refused}", local_fault=True)
    for kind, status, text in _FAILURES:
        if isinstance(error, kind):
            return Answer("retry", status, error=text, may_have_arrived=may_have_arrived)
    if may_have_arrived:
        text = "the connection was lost before the acknowledgement"
        return Answer("retry", "closed", error=text, may_have_arrived=True)
    return Answer("retry", "refused", error="no connection could be made")

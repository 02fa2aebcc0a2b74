"""Targets at brokers, and those whose sends share one connection.

It is made anew after a failure or for a new secret: by the first send that needs it, and never by itself, so
that what a connection did not send within the timeout is not sent later.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from abc import abstractmethod
from datetime import datetime
from typing import ClassVar, Final

from iu_pipelines.delivery import addresses, brokers
from iu_pipelines.delivery.brokers import Broker
from iu_pipelines.delivery.deadline import Deadline
from iu_pipelines.delivery.kind import Answer, Message, TargetKind
from iu_pipelines.delivery.resolver import Resolver
from iu_pipelines.delivery.secrets import Secrets
from iu_pipelines.domain.targets import GrantedTarget
from iu_pipelines.errors import IuError


class Unconnected(Exception):
    """No connection could be made, so that no message was sent. `answer` says why."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.error)
        self.answer = answer


class Link:
    """One connection, and how many sends use it. It is opened once and closed once."""

    def __init__(self, broker: Broker, target: GrantedTarget, secrets: Secrets, resolver: Resolver) -> None:
        self.broker = broker
        self.target = target
        self.texts = brokers.secret_texts(target, secrets)
        self.is_retired = False
        self.is_stuck = False
        self.is_shared = False
        self._secrets = secrets
        self._resolver = resolver
        self._in_flight = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.target.target_name}>"

    @property
    @abstractmethod
    def is_open(self) -> bool:
        """Whether sends may use the connection."""

    @abstractmethod
    async def open(self) -> None:
        """Connect.

        Raises:
            Unconnected: no connection could be made.
            IuError: a secret is missing, bound to another host or malformed.
            OSError: no connection could be made.
        """

    @abstractmethod
    async def publish(self, message: Message) -> Answer:
        """Send one message and return the answer of the broker."""

    @abstractmethod
    async def end(self) -> None:
        """Close the connection: at once if it `is_stuck`, else with what the protocol asks for."""

    async def send(self, message: Message) -> Answer:
        """Send one message. `is_shared` is true while another one is in flight, and until none is."""
        self.is_shared = self.is_shared or self._in_flight > 0
        self._in_flight += 1
        self._idle.clear()
        try:
            return await self.publish(message)
        finally:
            self._in_flight -= 1
            if not self._in_flight:
                self.is_shared = False
                self._idle.set()

    async def close(self) -> None:
        """Close the connection after the last send."""
        await self._idle.wait()
        await self.end()


class BrokerTarget(TargetKind):
    """A target at a broker, whose secret is a password."""

    def __init__(self, target: GrantedTarget, secrets: Secrets) -> None:
        super().__init__(target, secrets)
        self._deadline = Deadline(target.timeout_seconds)
        self._broker: Broker | None = None
        self._resolver = Resolver(
            private=target.allow_private, plain=target.address.partition(":")[0] in addresses.PLAIN
        )

    @classmethod
    @abstractmethod
    def parsed(cls, address: str, *, private: bool) -> Broker:
        """Return the parts of an address, after the checks of `check`."""

    async def open(self) -> None:
        """Check the definition and the secrets; the first send connects.

        Raises:
            TargetNotSafe, ArgumentInvalid: as `check` does.
            UsageError: a secret is missing, bound to another host, or no certificate.
        """
        private = self.target.allow_private
        self.check(self.target.address, self.target.options, self.target.secret_name, private=private)
        brokers.secret_texts(self.target, self.secrets)
        brokers.encryption(self.target, self.secrets)
        self._broker = self.parsed(self.target.address, private=private)

    async def close(self) -> None:
        """Send no more."""
        self._broker = None
        self._resolver.close()

    def sign(self, message: Message, at: datetime) -> str:
        """Return an empty text: the login of the sender stands for it. The secret is looked up.

        Raises:
            UsageError: the secret is missing or bound to another host.
        """
        brokers.password(self.target, self.secrets)
        return ""


class LinkedTarget(BrokerTarget):
    """A target with one connection at a time."""

    link: ClassVar[type[Link]]

    def __init__(self, target: GrantedTarget, secrets: Secrets) -> None:
        super().__init__(target, secrets)
        self._link: Link | None = None
        self._connecting: asyncio.Task[Link] | None = None
        self._retired: set[asyncio.Task[None]] = set()

    async def send(self, message: Message) -> Answer:
        """Send one message and wait until the broker confirms it."""
        if (refused := brokers.too_large(message)) is not None:
            return refused
        if self._broker is None:
            return brokers.local("the target is not open")
        used: list[Link] = []
        try:
            return await self._deadline.limit(self._send(self._broker, message, used))
        except TimeoutError:
            for link in used:
                # What waits in its buffers must not be sent after this answer.
                link.is_stuck = True
                self._retire(link)
            return Answer(
                "retry", "timeout", error="no answer within the timeout", may_have_arrived=bool(used)
            )

    async def _send(self, broker: Broker, message: Message, used: list[Link]) -> Answer:
        try:
            link = await self._connected(broker)
        except (Unconnected, IuError, OSError) as error:
            return unconnected(error)
        used.append(link)
        answer = await link.send(message)
        if not link.is_open:
            self._retire(link)
        return answer

    async def close(self) -> None:
        """Close all connections."""
        connecting, self._connecting = self._connecting, None
        if connecting is not None:
            connecting.cancel()
            await asyncio.gather(connecting, return_exceptions=True)
        if self._link is not None:
            self._retire(self._link)
        await asyncio.gather(*self._retired, return_exceptions=True)
        await super().close()

    async def _connected(self, broker: Broker) -> Link:
        """Return the connection; a new one after a failure, or for a new secret. Many tasks make one."""
        link = self._link
        if link is not None:
            if link.is_open and link.texts == brokers.secret_texts(self.target, self.secrets):
                return link
            self._retire(link)
        if self._connecting is None:
            self._connecting = asyncio.create_task(self._connect(broker))
            self._connecting.add_done_callback(self._connected_or_failed)
        return await asyncio.shield(self._connecting)

    async def _connect(self, broker: Broker) -> Link:
        link = self.link(broker, self.target, self.secrets, self._resolver)
        try:
            async with asyncio.timeout(self.target.timeout_seconds):
                await link.open()
        except BaseException:
            link.is_stuck = True
            await link.close()
            raise
        return link

    def _connected_or_failed(self, task: asyncio.Task[Link]) -> None:
        if self._connecting is task:
            self._connecting = None
        if not task.cancelled() and task.exception() is None:
            self._link = task.result()

    def _retire(self, link: Link) -> None:
        """Close a connection that no new send uses, when the sends that use it have ended."""
        if self._link is link:
            self._link = None
        if not link.is_retired:
            link.is_retired = True
            task = asyncio.create_task(link.close())
            self._retired.add(task)
            task.add_done_callback(self._retired.discard)


_UNCONNECTED: Final[tuple[tuple[type[OSError], str, str], ...]] = (
    (TimeoutError, "timeout", "no connection within the timeout"),
    (socket.gaierror, "unknown_host", "the name of the host could not be resolved"),
    (ssl.SSLCertVerificationError, "tls", "the certificate of the server is not valid"),
    (ssl.SSLError, "tls", "no TLS connection could be made"),
)


def unconnected(error: Unconnected | IuError | OSError) -> Answer:
    """Return the answer for a failed connection: nothing was sent."""
    match error:
        case Unconnected():
            return error.answer
        case IuError():
            return brokers.local(error.message)
        case addresses.AddressRefused():
            return Answer("retry", "not_safe", error=str(error))
    for kind, status_class, text in _UNCONNECTED:
        if isinstance(error, kind):
            return Answer("retry", status_class, error=text)
    return Answer("retry", "refused", error="no connection could be made")

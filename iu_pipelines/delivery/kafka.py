"""Targets of kind `kafka`: a record of each delivery in a topic, written by an idempotent producer.

The key of a record is the subject, so that a subject keeps its order in one partition. A record counts as
sent when all replicas that are in sync have it. The headers are those of CloudEvents 1.0 in binary mode.

The client is librdkafka, which resolves names and connects by itself, in threads of its own. So the addresses
that the cluster announces for its brokers are asked for and checked by a client that produces nothing.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, ClassVar, Final

from iu_pipelines import extras
from iu_pipelines.delivery import addresses, brokers
from iu_pipelines.delivery.addresses import Endpoint
from iu_pipelines.delivery.brokers import CERTIFICATES, Broker
from iu_pipelines.delivery.kind import Answer, Message
from iu_pipelines.delivery.links import Link, LinkedTarget, Unconnected
from iu_pipelines.delivery.resolver import Resolver
from iu_pipelines.delivery.secrets import Secrets, check_name, shown
from iu_pipelines.domain.targets import GrantedTarget
from iu_pipelines.errors import ArgumentInvalid, IuError

extras.require("kafka", "confluent_kafka")

from confluent_kafka import KafkaError, KafkaException, Producer  # noqa: E402
from confluent_kafka.admin import AdminClient  # noqa: E402

MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
"""The mechanisms of a login; the last one is the default."""

MOST_WAITING: Final = 10_000
"""Records that wait in the client at a time; one more is a fault of the sender."""

_SCHEMES: Final = ("kafkas",)
_PRIVATE_SCHEMES: Final = ("kafkas", "kafka")
_OPTIONS: Final = ("topic", "mechanism")
_LOGGER: Final = logging.getLogger(__name__)
_ASK_SECONDS: Final = 0.2
_LOOK_MILLISECONDS: Final = 10
_POLL_SECONDS: Final = 0.1
_HANDSHAKE: Final = "in state SSL_HANDSHAKE"


class KafkaTarget(LinkedTarget):
    """One topic, to which all sends produce with one client."""

    kind: ClassVar[str] = "kafka"
    extra: ClassVar[str | None] = "kafka"

    @classmethod
    def check(
        cls, address: str, options: Mapping[str, Any], secret_name: str | None, *, private: bool
    ) -> None:
        """Check `kafkas://[USER@]HOST[:PORT][,HOST…]`; `kafka` is for private addresses.

        Raises:
            TargetNotSafe: the address is not allowed, or contains a password.
            ArgumentInvalid: the address, an option or the name of the secret is wrong.
        """
        broker = cls.parsed(address, private=private)
        brokers.check_options(cls.kind, options, _OPTIONS, required=("topic",))
        hint = "Give at most 249 of A-Z, a-z, 0-9, dot, - and _."
        brokers.check_text("topic", options["topic"], r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}", hint)
        if "mechanism" in options:
            _check_mechanism(options["mechanism"], broker.user)
        if (broker.user is None) != (secret_name is None):
            raise ArgumentInvalid(
                "a target of kind kafka has both a user and a secret, which is the password, or none",
                hint="Write the user into the address, kafkas://USER@HOST, and give the name of a secret.",
            )
        if secret_name is not None:
            check_name(secret_name)

    @classmethod
    def parsed(cls, address: str, *, private: bool) -> Broker:
        """Return the parts of an address, after the checks of `check`."""
        schemes = _PRIVATE_SCHEMES if private else _SCHEMES
        return brokers.check_address(address, *schemes, private=private)


class KafkaLink(Link):
    """One producer, and the thread that takes its reports."""

    def __init__(self, broker: Broker, target: GrantedTarget, secrets: Secrets, resolver: Resolver) -> None:
        super().__init__(broker, target, secrets, resolver)
        self._loop = asyncio.get_running_loop()
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="iu-kafka")
        self._stopped = threading.Event()
        self._failed = False
        self._producer: Producer | None = None
        self._thread: threading.Thread | None = None
        self._opening: asyncio.Future[Producer] | None = None
        self._reports: list[tuple[asyncio.Future[KafkaError | None], KafkaError | None]] = []

    @property
    def is_open(self) -> bool:
        """Whether the client accepts records."""
        return self._producer is not None and not self._failed and not self.is_retired

    async def open(self) -> None:
        """Resolve and check the hosts, ask for the brokers, check these, and start the producer.

        Raises:
            Unconnected: no broker answered, the login was refused, or the topic does not exist.
            OSError: a host has no address, or one that is not allowed.
        """
        config = await self.config()
        self._opening = self._loop.run_in_executor(self._threads, self._open, config)
        self._producer = await asyncio.shield(self._opening)
        self._thread = threading.Thread(target=self._take_reports, name="iu-kafka", daemon=True)
        self._thread.start()

    async def publish(self, message: Message) -> Answer:
        """Produce one record and return the answer of the cluster for it."""
        producer = self._producer
        if producer is None:
            raise AssertionError("unreachable: a link is opened before it is used")
        reported: asyncio.Future[KafkaError | None] = self._loop.create_future()
        try:
            producer.produce(
                self.target.options["topic"],
                value=message.body.encode(),
                key=self.key(message),
                headers=_headers(message),
                on_delivery=lambda error, _: self._reports.append((reported, error)),
            )
        except BufferError:
            return brokers.local(f"{MOST_WAITING} records wait in the client")
        except KafkaException as error:
            reported.cancel()
            return self._answer(error.args[0])
        return self._answer(await reported)

    async def end(self) -> None:
        """Close the client. What waits in it is not sent."""
        self._stopped.set()
        if self._opening is not None:
            await asyncio.gather(self._opening, return_exceptions=True)
            if self._producer is None and not self._opening.exception():
                self._producer = self._opening.result()
        await self._loop.run_in_executor(self._threads, self._end)
        self._threads.shutdown(wait=False)

    def _end(self) -> None:
        if self._thread is not None:
            self._thread.join()
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.purge(in_queue=True, in_flight=True, blocking=False)
            producer.flush(0)
            del producer

    async def config(self) -> dict[str, Any]:
        """Return the configuration of the client, with hosts whose addresses are allowed.

        Without TLS they are replaced by these addresses. With TLS they are names, which the client resolves
        again, because it verifies the certificate for what it connects to.
        """
        places: list[Endpoint] = []
        unknown: OSError | None = None
        for endpoint in self.broker.endpoints:
            try:
                ips = await self._resolver.resolve(endpoint.host, endpoint.port)
            except socket.gaierror as error:
                unknown = error
                continue
            hosts = [endpoint.host] if self.broker.is_encrypted else ips
            places += [Endpoint(endpoint.scheme, host, endpoint.port) for host in hosts]
        if unknown is not None and not places:
            raise unknown
        return {
            "bootstrap.servers": ",".join(map(_place, places)),
            "client.id": "iu-pipelines",
            "enable.metrics.push": False,
            "log.connection.close": False,
            "logger": _Log(),
            **_security(self.broker, self.target, self._secrets),
        }

    def _open(self, config: Mapping[str, Any]) -> Producer:
        """Return a producer, after another client has shown where the brokers are. It blocks."""
        _ask(config, self.target, self._stopped, self.check_brokers)
        return Producer({**config, **self.settings(), "error_cb": self._on_error})

    def settings(self) -> dict[str, Any]:
        """Return what the producer has besides the configuration of each client.

        A record that is not confirmed in half of the timeout is given up, so that it is not sent after the
        send that waits for it has ended, also if half of the timeout went by until there was a connection.
        """
        most = self.target.timeout_seconds * 500
        return {
            "acks": "all",
            "enable.idempotence": True,
            "message.timeout.ms": most,
            "request.timeout.ms": most,
            "socket.timeout.ms": most,
            "partitioner": "murmur2_random",
            "linger.ms": 0,
            "queue.buffering.max.messages": MOST_WAITING,
        }

    def key(self, message: Message) -> bytes:
        """Return the key of a record: it decides about the partition."""
        return str(message.subject).encode()

    def check_brokers(self, found: Sequence[Endpoint]) -> None:
        """Raise unless each broker of the cluster is at an address that is allowed.

        Raises:
            Unconnected, OSError: one is not, or its name has no address.
        """
        private, plain = self.target.allow_private, not self.broker.is_encrypted
        for one in found:
            try:
                addresses.refuse_host(one.host.lower(), private=private, plain=plain)
                addresses.resolve(one.host, one.port, private=private, plain=plain)
            except IuError as error:
                text = f"a broker of the cluster has an address that is not allowed: {error.message}"
                raise Unconnected(Answer("retry", "not_safe", error=text)) from None

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal() or error.code() == KafkaError._AUTHENTICATION:
            self._failed = True

    def _take_reports(self) -> None:
        """Pass the reports of the client on to the loop, all at once; runs in a thread."""
        producer = self._producer
        while producer is not None and not self._stopped.is_set():
            producer.poll(_POLL_SECONDS)
            if self._reports:
                found, self._reports = self._reports, []
                with suppress(RuntimeError):  # the loop was closed
                    self._loop.call_soon_threadsafe(_settle, found)

    def _answer(self, error: KafkaError | None) -> Answer:
        if error is None:
            return Answer("sent", "confirmed")
        if error.fatal() or error.code() in _LOST:
            self._failed = True
        return _refused(error)


KafkaTarget.link = KafkaLink


class _Log:
    """What the client logs: for readers of logs of level DEBUG only, as each answer says what was wrong."""

    def log(self, _level: int, text: str, *values: object) -> None:
        """Log one line of the client."""
        _LOGGER.debug(text, *values)


def _check_mechanism(given: object, user: str | None) -> None:
    if given not in MECHANISMS:
        raise ArgumentInvalid(
            f"unknown mechanism {shown(str(given))}", hint=f"Known: {', '.join(MECHANISMS)}."
        )
    if user is None:
        raise ArgumentInvalid("a mechanism without a user", hint="Write the user into the address.")


def _settle(found: Sequence[tuple[asyncio.Future[KafkaError | None], KafkaError | None]]) -> None:
    for reported, error in found:
        if not reported.done():
            reported.set_result(error)


def _place(endpoint: Endpoint) -> str:
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    return f"{host}:{endpoint.port}"


def _security(broker: Broker, target: GrantedTarget, secrets: Secrets) -> dict[str, Any]:
    """Return how the client encrypts and logs in. Certificates are text, so that no file has a key."""
    tls = broker.is_encrypted
    protocol = ("SASL_" if broker.user else "") + ("SSL" if tls else "PLAINTEXT")
    config: dict[str, Any] = {"security.protocol": protocol}
    if broker.user is not None:
        config["sasl.mechanism"] = target.options.get("mechanism", MECHANISMS[-1])
        config["sasl.username"] = broker.user
        config["sasl.password"] = brokers.password(target, secrets)
    if tls:
        config["enable.ssl.certificate.verification"] = True
        config["ssl.endpoint.identification.algorithm"] = "https"
        authority, client = (
            secrets.find(name, target.address).text if name else None
            for name in (target.options.get(option) for option in CERTIFICATES)
        )
        if authority:
            config["ssl.ca.pem"] = authority
        if client:
            config["ssl.certificate.pem"] = config["ssl.key.pem"] = client
    return config


def _headers(message: Message) -> list[tuple[str, str | bytes | None]]:
    headers: list[tuple[str, str | bytes | None]] = []
    for name, value in message.headers.items():
        if value is not None:
            headers.append(
                (f"ce_{name[3:]}" if name.startswith("ce-") else name, str(value).encode(errors="replace"))
            )
    return headers


def _ask(
    config: Mapping[str, Any],
    target: GrantedTarget,
    stopped: threading.Event,
    check: Callable[[Sequence[Endpoint]], None],
) -> None:
    """Check the brokers that a client learns of which produces nothing, and then the topic. It blocks.

    The client learns of the brokers from the first one that it connects to. What it is asked for after that,
    it asks any of them: so it is asked for nothing until they are checked, and its statistics show them.

    Raises:
        Unconnected: no broker answered within the timeout, or the topic does not exist.
    """
    errors: list[KafkaError] = []
    learned: list[Endpoint] = []
    given: dict[str, Any] = {
        **config,
        "error_cb": errors.append,
        "stats_cb": lambda text: learned.extend(_learned(text)),
        "statistics.interval.ms": _LOOK_MILLISECONDS,
    }
    try:
        client = AdminClient(given)
    except KafkaException:
        # Its text may contain a part of a certificate.
        raise Unconnected(brokers.local("a certificate cannot be read")) from None
    topic, until = target.options["topic"], time.monotonic() + target.timeout_seconds
    is_checked = False
    while not stopped.is_set() and time.monotonic() < until:
        client.poll(0 if is_checked else _ASK_SECONDS)
        if not learned:
            _check_errors(errors)
            continue
        if not is_checked:
            check(learned)
            is_checked = True
        try:
            found = client.list_topics(topic, timeout=_ASK_SECONDS)
        except KafkaException as error:
            errors.append(error.args[0])
            _check_errors(errors)
        else:
            return _check_topic(found.topics[topic].error)
    raise Unconnected(Answer("retry", "timeout", error="no connection within the timeout"))


def _learned(text: str) -> list[Endpoint]:
    """Return the brokers that the cluster has announced, from the statistics of a client."""
    found: list[Endpoint] = []
    for one in json.loads(text)["brokers"].values():
        if one["source"] == "learned":
            host, _, port = one["nodename"].rpartition(":")
            found.append(Endpoint("", host.strip("[]"), int(port)))
    return found


def _check_topic(error: KafkaError | None) -> None:
    if error is not None:
        raise Unconnected(_refused(error))


_UNCONNECTED: Final[tuple[tuple[int, Answer], ...]] = (
    (
        KafkaError._AUTHENTICATION,
        Answer("retry", "login_refused", error="the cluster refused the login", local_fault=True),
    ),
    (KafkaError._SSL, Answer("retry", "tls", error="no TLS connection with a valid certificate")),
    (
        KafkaError._RESOLVE,
        Answer("retry", "unknown_host", error="the name of the host could not be resolved"),
    ),
    (KafkaError._ALL_BROKERS_DOWN, Answer("retry", "refused", error="no connection could be made")),
)


def _check_errors(errors: Sequence[KafkaError]) -> None:
    """Raise Unconnected if the login was refused, or if no host is left that may answer."""
    codes = {_code(error) for error in errors}
    if KafkaError._AUTHENTICATION not in codes and KafkaError._ALL_BROKERS_DOWN not in codes:
        return
    for code, answer in _UNCONNECTED:
        if code in codes:
            raise Unconnected(answer)


def _code(error: KafkaError) -> int:
    """Return the code of an error. A refused certificate is now and then reported as a lost connection."""
    code: int = error.code()
    return KafkaError._SSL if code == KafkaError._TRANSPORT and _HANDSHAKE in error.str() else code


_LOST: Final = frozenset(
    {KafkaError._MSG_TIMED_OUT, KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT, KafkaError._TRANSPORT,
     KafkaError._AUTHENTICATION, KafkaError.REQUEST_TIMED_OUT}
)  # fmt: skip
_LOGIN: Final = frozenset(
    {KafkaError._AUTHENTICATION, KafkaError.TOPIC_AUTHORIZATION_FAILED,
     KafkaError.CLUSTER_AUTHORIZATION_FAILED, KafkaError.SASL_AUTHENTICATION_FAILED}
)  # fmt: skip
_REFUSED: Final[Mapping[int, tuple[str, str]]] = {
    KafkaError.MSG_SIZE_TOO_LARGE: ("record_too_large", "the record is larger than the topic accepts"),
    KafkaError._MSG_TIMED_OUT: ("timeout", "the record was not confirmed in time"),
    KafkaError.UNKNOWN_TOPIC_OR_PART: ("unknown_topic", "the cluster has no such topic"),
    KafkaError._UNKNOWN_TOPIC: ("unknown_topic", "the cluster has no such topic"),
    KafkaError.NOT_ENOUGH_REPLICAS: ("not_enough_replicas", "too few replicas are in sync"),
}
_CERTAIN: Final = frozenset(
    {KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC,
     KafkaError.NOT_ENOUGH_REPLICAS, KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.INVALID_RECORD,
     KafkaError.CLUSTER_AUTHORIZATION_FAILED, KafkaError.POLICY_VIOLATION, KafkaError._PURGE_QUEUE}
)  # fmt: skip
"""The errors after which the record is surely in no partition."""


def _refused(error: KafkaError) -> Answer:
    """Return the answer for a record that was not confirmed. Of the error only its name is kept."""
    code = error.code()
    lost = code not in _CERTAIN
    if code in _LOGIN:
        text = "the cluster refused the login, or does not let it write to the topic"
        return Answer("retry", "login_refused", error=text, local_fault=True, may_have_arrived=lost)
    status_class, text = _REFUSED.get(code, ("refused_record", f"the record was refused: {error.name()}"))
    return Answer("retry", status_class, error=text, may_have_arrived=lost)

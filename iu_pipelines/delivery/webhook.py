"""Targets of kind `webhook`: an HTTP POST of each delivery, signed as Standard Webhooks.

The headers are those of CloudEvents 1.0 in binary mode. Redirects are not followed, variables for proxies
and cookies are ignored, and at most 64 KiB of an answer are read, of which only a hash is kept.
"""

from __future__ import annotations

import hashlib
import re
import socket
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, ClassVar, Final
from urllib.parse import quote

from iu_pipelines import __version__, extras
from iu_pipelines.delivery import addresses, tls
from iu_pipelines.delivery.deadline import Deadline
from iu_pipelines.delivery.kind import MOST_BODY_BYTES, Answer, Message, TargetKind
from iu_pipelines.delivery.resolver import Resolver
from iu_pipelines.delivery.secrets import Secret, Secrets, check_name, shown
from iu_pipelines.domain.targets import GrantedTarget
from iu_pipelines.errors import ArgumentInvalid, IuError, UsageError

extras.require("delivery", "aiohttp")

import aiohttp  # noqa: E402
from aiohttp.abc import AbstractResolver, ResolveResult  # noqa: E402
from yarl import URL  # noqa: E402

from iu_pipelines.delivery.signing import Signer  # noqa: E402

MOST_CONNECTIONS: Final = 256
"""Connections of one target at a time. A send that waits for one uses up its timeout."""

MOST_RETRY_AFTER: Final = 604_800
"""Seconds, a week: the largest Retry-After that is reported."""

_PORTS: Final = {"https": 443}
_PRIVATE_PORTS: Final = {"https": 443, "http": 80}
_OPTIONS: Final = ("authorization_secret", "client_certificate_secret", "headers")
_KEEP_ALIVE_SECONDS: Final = 4.0

_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_VISIBLE: Final = re.compile(r"[ -~]*")
_UNENCODED: Final = re.compile(r"[!#$&-~]*")
_UNENCODED_TEXT: Final = "".join(chr(n) for n in range(0x21, 0x7F) if chr(n) not in '"%')
_PROTECTED: Final = re.compile(
    r"(webhook|ce|iu|proxy|sec|content)-.*|accept-encoding|authorization|connection|cookie|date|expect|host|"
    r"keep-alive|te|trailer|transfer-encoding|upgrade|user-agent",
    re.IGNORECASE,
)
_SECONDS: Final = re.compile(r"[0-9]{1,18}")


class WebhookTarget(TargetKind):
    """One HTTP endpoint with a pool of connections."""

    kind: ClassVar[str] = "webhook"
    extra: ClassVar[str | None] = "delivery"

    def __init__(self, target: GrantedTarget, secrets: Secrets) -> None:
        super().__init__(target, secrets)
        self._session: aiohttp.ClientSession | None = None
        self._resolver: _Resolver | None = None
        self._url = URL()
        self._deadline = Deadline(target.timeout_seconds)
        self._tls: ssl.SSLContext | None = None
        self._signer: tuple[Secret, Signer] | None = None
        self._certificate: Secret | None = None
        self._fixed: dict[str, str] = {
            "user-agent": f"iu-pipelines/{__version__}",
            "accept-encoding": "identity",
            **target.options.get("headers", {}),
        }

    @classmethod
    def check(
        cls, address: str, options: Mapping[str, Any], secret_name: str | None, *, private: bool
    ) -> None:
        """Check an https URL (http is for private addresses), the options and the secret's name.

        Raises:
            TargetNotSafe: the address is not allowed.
            ArgumentInvalid: the address, an option or the name of the secret is wrong.
        """
        _endpoint(address, private)
        _check_options(options)
        if secret_name is None:
            raise ArgumentInvalid(
                "a target of kind webhook needs a secret to sign with",
                hint="Give the name of a secret: IU_SECRET_<NAME> or the file NAME in IU_SECRETS_DIR.",
            )
        check_name(secret_name)

    async def open(self) -> None:
        """Open the pool of connections; none is made yet.

        Raises:
            TargetNotSafe, ArgumentInvalid: as `check` does.
            UsageError: a secret is missing, malformed or bound to another host.
        """
        private = self.target.allow_private
        self.check(self.target.address, self.target.options, self.target.secret_name, private=private)
        self._url = URL(self.target.address, encoded=True)
        self._tls = tls.context("http/1.1")
        self._newest_signer()
        self._credentials()
        self._resolver = _Resolver(private, plain=self._url.scheme in addresses.PLAIN)
        connector = aiohttp.TCPConnector(
            ssl=self._tls,
            resolver=self._resolver,
            socket_factory=self._resolver.socket,
            limit=MOST_CONNECTIONS,
            keepalive_timeout=_KEEP_ALIVE_SECONDS,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            # The deadline is the timeout: one timer for all requests instead of one for each.
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            read_bufsize=MOST_BODY_BYTES,
        )

    async def send(self, message: Message) -> Answer:
        """Post one message. Only an answer 2xx accepts it; 410 says that no other try can succeed."""
        body = message.body.encode()
        if len(body) > MOST_BODY_BYTES:
            return Answer("failed", "too_large", error=f"the body has more than {MOST_BODY_BYTES} bytes")
        if self._session is None:
            return _local("the target is not open")
        try:
            headers = self._headers(message)
        except IuError as error:
            return _local(error.message)
        try:
            return await self._deadline.limit(self._post(self._session, body, headers))
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            return _failure(error)

    async def _post(self, session: aiohttp.ClientSession, body: bytes, headers: Mapping[str, str]) -> Answer:
        async with session.post(self._url, data=body, headers=headers, allow_redirects=False) as response:
            return _answer(response, await _digest(response))

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
        if self._resolver is not None:
            await self._resolver.close()

    def sign(self, message: Message, at: datetime) -> str:
        """Return the value of the header `webhook-signature`.

        Raises:
            UsageError: the secret is missing, malformed or bound to another host.
        """
        return self._newest_signer().sign(message.key, at.astimezone(UTC), message.body)

    def _headers(self, message: Message) -> dict[str, str]:
        now = datetime.now(UTC)
        headers = self._fixed | self._credentials()
        for name, value in message.headers.items():
            if value is not None:
                headers[name] = _encoded(str(value))
        headers["webhook-timestamp"] = str(int(now.timestamp()))
        headers["webhook-signature"] = self._newest_signer().sign(message.key, now, message.body)
        return headers

    def _newest_signer(self) -> Signer:
        """Return a signer with the secret as it is now; the same one while the secret is the same."""
        found = self.secrets.find(self.target.secret_name or "", self.target.address)
        if self._signer is None or self._signer[0] is not found:
            self._signer = (found, Signer(found.name, found.values))
        return self._signer[1]

    def _credentials(self) -> dict[str, str]:
        """Return the header of the authorization secret, and load a client certificate that is new."""
        certificate = self.target.options.get("client_certificate_secret")
        if certificate:
            found = self.secrets.find(certificate, self.target.address)
            if found is not self._certificate and self._tls is not None:
                tls.load_certificate(self._tls, found)
                self._certificate = found
        authorization = self.target.options.get("authorization_secret")
        if not authorization:
            return {}
        text = self.secrets.find(authorization, self.target.address).text
        if not _VISIBLE.fullmatch(text):
            raise UsageError(
                f"secret {authorization} is no value of a header",
                hint="Write host=NAME, a space, and the value, such as Bearer TOKEN, in one line of ASCII.",
            )
        return {"authorization": text}


class _Resolver(AbstractResolver):
    """Resolves names for aiohttp, and refuses IP addresses that are not allowed."""

    def __init__(self, private: bool, *, plain: bool) -> None:
        self._private = private
        self._plain = plain
        self._names = Resolver(private=private, plain=plain)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the checked addresses of a host. aiohttp connects to one of them and asks no more."""
        return [
            ResolveResult(
                hostname=host,
                host=ip,
                port=port,
                family=socket.AF_INET6 if ":" in ip else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for ip in await self._names.resolve(host, port)
        ]

    def socket(self, info: tuple[Any, ...]) -> socket.socket:
        """Return the socket for a connection. Checked again, because an IP address is not resolved."""
        family, kind, protocol, _, address = info
        addresses.checked([str(address[0])], private=self._private, plain=self._plain)
        return socket.socket(family, kind, protocol)

    async def close(self) -> None:
        """Let the threads end."""
        self._names.close()


def _endpoint(address: str, private: bool) -> addresses.Endpoint:
    found = addresses.check_url(address, _PRIVATE_PORTS if private else _PORTS, private=private)
    url = URL(address, encoded=True)
    read = addresses.Endpoint(url.scheme, (url.raw_host or "").lower(), url.port or 0)
    if (read.port, str(read.ip or read.host)) != (found.port, found.host):
        raise ArgumentInvalid("the host of the address can be read in two ways", hint="Simplify the URL.")
    return found


def _check_options(options: Mapping[str, Any]) -> None:
    unknown = sorted(set(options) - set(_OPTIONS))
    if unknown:
        raise ArgumentInvalid(
            f"unknown option {shown(unknown[0])} of a target of kind webhook",
            hint=f"Known: {', '.join(_OPTIONS)}.",
        )
    for name in _OPTIONS[:2]:
        if name in options:
            value = options[name]
            text = value if isinstance(value, str) else repr(value)
            check_name(text, f"the secret name in option {name!r}")
    headers = options.get("headers", {})
    if not isinstance(headers, Mapping):
        raise ArgumentInvalid(
            "option 'headers' is not an object", hint='Write it as {"X-Name": "value"}, without secrets.'
        )
    for name, value in headers.items():
        _check_header(name, value)


def _check_header(name: str, value: Any) -> None:
    if not _TOKEN.fullmatch(name) or _PROTECTED.fullmatch(name):
        raise ArgumentInvalid(
            f"option 'headers' may not set a header {shown(name)}",
            hint="Leave it out; the value of Authorization is the option authorization_secret.",
        )
    if not isinstance(value, str) or not _VISIBLE.fullmatch(value) or len(value) > 1000:
        raise ArgumentInvalid(
            f"the value of a header {shown(name)} is not one line of ASCII text",
            hint="Write at most 1,000 printable ASCII characters.",
        )


def _encoded(value: str) -> str:
    """Return a value of a header as the HTTP binding of CloudEvents encodes it; it has no line break."""
    return value if _UNENCODED.fullmatch(value) else quote(value, safe=_UNENCODED_TEXT, errors="replace")


async def _digest(response: aiohttp.ClientResponse) -> str:
    """Return the sha256 of at most 64 KiB. aiohttp closes the connection of an answer with more."""
    content, left = hashlib.sha256(), MOST_BODY_BYTES
    while left and (chunk := await response.content.read(left)):
        content.update(chunk)
        left -= len(chunk)
    return content.hexdigest()


def _answer(response: aiohttp.ClientResponse, digest: str) -> Answer:
    status = response.status
    found = f"{status // 100}xx"
    if 200 <= status < 300:
        return Answer("sent", found, status, None, digest)
    if 300 <= status < 400:
        error = f"HTTP status {status}: redirects are not followed"
    else:
        error = f"HTTP status {status}"
    return Answer(
        "failed" if status == 410 else "retry", found, status, _retry_after(response), digest, error
    )


def _retry_after(response: aiohttp.ClientResponse) -> int | None:
    """Return the seconds of Retry-After, at most a week, or None if it is absent or malformed."""
    text = response.headers.get("Retry-After", "").strip()
    if _SECONDS.fullmatch(text):
        return min(int(text), MOST_RETRY_AFTER)
    try:
        until = parsedate_to_datetime(text)
        until = until if until.tzinfo else until.replace(tzinfo=UTC)
        seconds = int((until - datetime.now(UTC)).total_seconds()) + 1
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return min(max(seconds, 0), MOST_RETRY_AFTER)


_CLOSED: Final = "the connection was closed before the answer was complete"
_FAILURES: Final[tuple[tuple[type[Exception], str, bool, str], ...]] = (
    (TimeoutError, "timeout", True, "no answer within the timeout"),
    (aiohttp.ClientConnectorCertificateError, "tls", False, "the certificate of the target is not valid"),
    (aiohttp.ClientSSLError, "tls", False, "no TLS connection could be made"),
    (aiohttp.ClientConnectorDNSError, "unknown_host", False, "the name of the host could not be resolved"),
    (aiohttp.ClientConnectorError, "refused", False, "no connection could be made"),
    (aiohttp.ClientConnectionError, "closed", True, _CLOSED),
    (aiohttp.ClientPayloadError, "closed", True, _CLOSED),
    (aiohttp.ClientResponseError, "malformed", True, "the answer is not HTTP"),
)


def _failure(error: Exception) -> Answer:
    """Return the answer for a failed send. Messages of aiohttp may contain what the target sent."""
    cause = getattr(error, "os_error", error)
    if isinstance(cause, addresses.AddressRefused):
        return Answer("retry", "not_safe", error=str(cause))
    for kind, status_class, may_have_arrived, text in _FAILURES:
        if isinstance(error, kind) or isinstance(cause, kind):
            return Answer("retry", status_class, error=text, may_have_arrived=may_have_arrived)
    return Answer("retry", "error", error=f"the send failed: {type(error).__name__}", may_have_arrived=True)


def _local(text: str) -> Answer:
    return Answer("retry", "local", error=text, local_fault=True)

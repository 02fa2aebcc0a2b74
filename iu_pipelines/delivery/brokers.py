"""What the kinds of brokers have in common: the address, the login, TLS, and checked IP addresses.

An address is `SCHEME://[USER@]HOST[:PORT][,HOST[:PORT]…][/PATH]`. It has no password: that is the secret of
the target. Where in the broker a message goes (topic, exchange, subject, stream) is an option.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import quote, unquote

from iu_pipelines.delivery import addresses, tls
from iu_pipelines.delivery.addresses import DEFAULT_PORTS, PLAIN, Endpoint
from iu_pipelines.delivery.kind import MOST_BODY_BYTES, Answer, Message
from iu_pipelines.delivery.resolver import Resolver
from iu_pipelines.delivery.secrets import Secrets, check_name, shown
from iu_pipelines.domain.targets import GrantedTarget
from iu_pipelines.errors import ArgumentInvalid

CERTIFICATES: Final = ("ca_certificate_secret", "client_certificate_secret")
"""The options that each encrypted broker has: names of secrets in PEM form."""

_Connection = TypeVar("_Connection")

_MOST_HOSTS: Final = 20
_MOST_SHOWN: Final = 40
_UNENCODED: Final = "".join(chr(n) for n in range(0x21, 0x7F) if chr(n) not in '"%')


@dataclass(frozen=True, slots=True)
class Broker:
    """The parts of an address."""

    scheme: str
    """The scheme, such as `amqps`."""
    user: str | None
    """The name of the login; None: the address has none."""
    endpoints: tuple[Endpoint, ...]
    """The hosts, in the order of the address."""
    path: str
    """The path, decoded and without the slash at its beginning."""

    @property
    def is_encrypted(self) -> bool:
        """Whether the scheme encrypts."""
        return self.scheme not in PLAIN


def check_address(address: str, *schemes: str, private: bool, has_path: bool = False) -> Broker:
    """Check the text of an address and return its parts. The network is not asked.

    Raises:
        ArgumentInvalid: it is no URL of one of these schemes, has a query, or has a path without `has_path`.
        TargetNotSafe: it contains a password, or one of its hosts is not allowed.
    """
    scheme, separator, rest = address.partition("://")
    place, slash, path = rest.partition("/")
    user, at, hosts = place.rpartition("@")
    ports = {name: DEFAULT_PORTS[name] for name in schemes}
    found = hosts.split(",")
    if len(found) > _MOST_HOSTS:
        raise ArgumentInvalid(
            f"the address has {len(found)} hosts",
            hint=f"Give at most {_MOST_HOSTS}; a broker names the others.",
        )
    endpoints = tuple(
        addresses.check_url(
            f"{scheme}{separator}{user}{at}{host}{slash}{path}", ports, private=private, has_user=bool(at)
        )
        for host in found
    )
    if "?" in address:
        raise ArgumentInvalid("the address has a query (?)", hint="Give options of the target instead.")
    if path and not has_path:
        raise ArgumentInvalid(
            "the address has a path", hint="Leave it out; where messages go is an option of the target."
        )
    return Broker(scheme, unquote(user) if at else None, endpoints, unquote(path))


def check_options(
    kind: str, options: Mapping[str, Any], known: Collection[str], required: Collection[str] = ()
) -> None:
    """Check that options are known, that those that are required are given, and the names of certificates.

    Raises:
        ArgumentInvalid: an option is unknown, missing, or no name of a secret.
    """
    allowed = [*known, *CERTIFICATES]
    for name in sorted(set(options) - set(allowed)):
        raise ArgumentInvalid(
            f"unknown option {shown(name)} of a target of kind {kind}", hint=f"Known: {', '.join(allowed)}."
        )
    for name in required:
        if name not in options:
            raise ArgumentInvalid(
                f"a target of kind {kind} needs the option {name!r}", hint=f"Give --option {name}=VALUE."
            )
    for name in CERTIFICATES:
        if name in options:
            value = options[name]
            text = value if isinstance(value, str) else repr(value)
            check_name(text, f"the secret name in option {name!r}")


def check_text(name: str, value: object, pattern: str, hint: str) -> None:
    """Raise ArgumentInvalid unless the value of the option `name` is a text that matches `pattern`."""
    if not isinstance(value, str) or not re.fullmatch(pattern, value):
        if not isinstance(value, str):
            text = json.dumps(value)[:_MOST_SHOWN]
            if re.fullmatch(pattern, text):
                hint = f"""Quote it, so that it is a text: --option '{name}="{text}"'"""
            raise ArgumentInvalid(f"the value of option {name!r} is not a text", hint=hint)
        raise ArgumentInvalid(f"the value of option {name!r} is not valid: {shown(value)}", hint=hint)


def check_path(what: str, path: str, pattern: str, hint: str) -> None:
    """Raise ArgumentInvalid unless the path of an address, which is `what`, matches `pattern`."""
    if not re.fullmatch(pattern, path):
        raise ArgumentInvalid(f"the {what} in the path of the address is not valid: {shown(path)}", hint=hint)


def check_login(kind: str, broker: Broker, secret_name: str | None) -> None:
    """Check the name of a secret, which only an address without a user can do without.

    Raises:
        ArgumentInvalid: it is missing, or no name of a secret.
    """
    if secret_name is not None:
        check_name(secret_name)
    elif broker.user is not None:
        raise ArgumentInvalid(
            f"a target of kind {kind} whose address has a user needs a secret, which is the password",
            hint="Give the name of a secret, or an address without a user.",
        )


def password(target: GrantedTarget, secrets: Secrets) -> str | None:
    """Return the secret of a target, as it is now, or None if the target has none.

    Raises:
        UsageError: the secret is missing or bound to another host.
    """
    if target.secret_name is None:
        return None
    return secrets.find(target.secret_name, target.address).text


def secret_texts(target: GrantedTarget, secrets: Secrets) -> tuple[str, ...]:
    """Return the secrets of a target as they are now: the password and the certificates that it names.

    A connection that was made with others is replaced.

    Raises:
        UsageError: a secret is missing or bound to another host.
    """
    names = (target.secret_name, *(target.options.get(name) for name in CERTIFICATES))
    return tuple(secrets.find(name, target.address).text for name in names if name)


def encryption(target: GrantedTarget, secrets: Secrets) -> ssl.SSLContext:
    """Return a context that verifies, with the certificates that options of the target name.

    Raises:
        UsageError: a secret is missing, bound to another host, or no certificate.
    """
    made = tls.context()
    authority, client = (target.options.get(name) for name in CERTIFICATES)
    if authority:
        tls.trust(made, secrets.find(authority, target.address))
    if client:
        tls.load_certificate(made, secrets.find(client, target.address))
    return made


async def first_of(
    broker: Broker, seconds: float, connect: Callable[[Endpoint], Awaitable[_Connection]]
) -> _Connection:
    """Return the connection to the first host that can be connected to. Each has its share of the time.

    Raises:
        OSError: no host could be connected to; the error is that of the last one.
    """
    failed = OSError()
    for endpoint in broker.endpoints:
        try:
            async with asyncio.timeout(seconds / len(broker.endpoints)):
                return await connect(endpoint)
        except OSError as error:
            failed = error
    raise failed


async def reach(
    endpoint: Endpoint, resolver: Resolver, context: ssl.SSLContext | None = None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to the first IP address of a host that accepts. With a context, TLS verifies its name.

    Raises:
        AddressRefused: one of its IP addresses is not allowed.
        OSError: it has no address, none accepts, or its certificate is not valid.
    """
    name = endpoint.host if context else None
    failed = OSError()
    for ip in await resolver.resolve(endpoint.host, endpoint.port):
        try:
            return await asyncio.open_connection(ip, endpoint.port, ssl=context, server_hostname=name)
        except OSError as error:
            failed = error
    raise failed


def too_large(message: Message) -> Answer | None:
    """Return the answer for a body that is too large, or None."""
    if len(message.body.encode()) <= MOST_BODY_BYTES:
        return None
    return Answer("failed", "too_large", error=f"the body has more than {MOST_BODY_BYTES} bytes")


def local(text: str) -> Answer:
    """Return the answer for a fault of the sender."""
    return Answer("retry", "local", error=text, local_fault=True)


def encoded(message: Message) -> dict[str, str]:
    """Return the headers of a message in ASCII, each value in one line.

    Spaces, `"`, `%`, control characters and all that is not ASCII are percent-encoded in values, as the
    bindings of CloudEvents prescribe.
    """
    found: dict[str, str] = {}
    for name, value in message.headers.items():
        if value is not None:
            found[name] = quote(str(value), safe=_UNENCODED, errors="replace")
    return found

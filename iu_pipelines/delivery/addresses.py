"""Which addresses a target may have, so that a target cannot reach what only the sender's network can reach.

An address is checked twice: its text, without the network (`check_url`), and each IP address that is
connected to (`refusal`, `resolve`). A name is resolved once for a connection, and the connection goes to an
address of that answer. So no second answer of a name server can lead it elsewhere.

Some addresses are allowed only for a target that may be private, others never. A scheme that does not
encrypt (`http`) reaches only addresses that are private, whatever the target may have (`plain`).
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import SplitResult, urlsplit

from iu_pipelines.errors import ArgumentInvalid, TargetNotSafe

_IP = IPv4Address | IPv6Address
_Network = IPv4Network | IPv6Network


def _networks(kinds: Mapping[str, str]) -> tuple[tuple[_Network, str], ...]:
    return tuple((ip_network(net), kind) for kind, nets in kinds.items() for net in nets.split())


_NEVER: Final = _networks(
    {
        "a metadata service": "169.254.169.254/32 169.254.170.2/32 169.254.170.23/32 168.63.129.16/32 "
        "100.100.100.200/32 192.0.0.192/32 fd00:ec2::254/128 fd00:ec2::23/128 fd20:ce::254/128",
        "unspecified": "0.0.0.0/8 ::/128",
        "multicast": "224.0.0.0/4 ff00::/8",
        "reserved": "240.0.0.0/4",
        "an IPv4 address inside an IPv6 address": "::ffff:0:0/96 ::ffff:0:0:0/96 2002::/16 2001::/32",
    }
)
_PRIVATE: Final = _networks(
    {
        "loopback": "127.0.0.0/8 ::1/128",
        "link-local": "169.254.0.0/16 fe80::/10",
        "private": "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 100.64.0.0/10 fc00::/7 fec0::/10 64:ff9b:1::/48",
        "reserved": "192.0.0.0/24 192.0.2.0/24 192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 "
        "192.175.48.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 100::/64 2001::/23 2001:db8::/32 "
        "3fff::/20 5f00::/16",
    }
)
_COMPATIBLE: Final = IPv6Network("::/96")
_NAT64: Final = IPv6Network("64:ff9b::/96")
_GLOBAL_IPV6: Final = IPv6Network("2000::/3")
_ISATAP: Final = (0x00005EFE, 0x02005EFE)

_LOCAL_NAMES: Final = re.compile(
    r"(.+\.)?(localhost|localdomain|localhost[46]|localhost6?\.localdomain6?|ip6-localhost|ip6-loopback)"
)
_METADATA_NAMES: Final = frozenset(
    {"metadata", "metadata.google.internal", "metadata.goog", "instance-data", "instance-data.ec2.internal"}
)
_NAME: Final = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_]([a-z0-9_-]{0,62}))*")
_NUMERIC: Final = re.compile(r"(.*\.)?(\d+|0x[0-9a-f]*)")
_URL: Final = re.compile(r"[!#-;=?-\[\]_a-z~]+", re.IGNORECASE)

_PRIVATE_HINT: Final = (
    "Give a public address, or let an approver run: iu target set NAME --allow-private --reason WHY"
)
_CLEAR_TEXT_HINT: Final = (
    "Give an address whose scheme encrypts; or for a receiver in a private network, let an approver run: "
    "iu target set NAME --allow-private --reason WHY"
)
_NEVER_HINT: Final = "Give another address. This one is never allowed, also for a target that may be private."


_PLAIN_HINT: Final = "Give an address whose scheme encrypts: https, amqps, kafkas, tls or rediss."
_IN_CLEAR_TEXT: Final = "not private, and this scheme sends in clear text"

_ENCRYPTED: Final = {"http": "https", "amqp": "amqps", "kafka": "kafkas", "nats": "tls", "redis": "rediss"}
PLAIN: Final = tuple(_ENCRYPTED)
"""The schemes that do not encrypt."""

DEFAULT_PORTS: Final[Mapping[str, int]] = {
    "https": 443, "http": 80, "postgresql": 5432, "postgres": 5432, "amqps": 5671, "amqp": 5672,
    "kafkas": 9093, "kafka": 9092, "tls": 4222, "nats": 4222, "rediss": 6379, "redis": 6379,
}  # fmt: skip
"""The port of each scheme, if an address has none."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The host and the port of an address."""

    scheme: str
    """The scheme, such as `https`."""
    host: str
    """A name in lower case, or an IP address; one of IPv6 has no brackets."""
    port: int
    """The port of the address, or that of the scheme."""

    @property
    def ip(self) -> _IP | None:
        """The IP address, if the host is one."""
        try:
            return ip_address(self.host)
        except ValueError:
            return None


class AddressRefused(OSError):
    """An IP address to which no connection is made. An OSError, as clients expect of a failed connection."""


def check_url(address: str, ports: Mapping[str, int], *, private: bool, has_user: bool = False) -> Endpoint:
    """Check the text of an address and return its endpoint. `ports` has the default port of each scheme.

    With `has_user` the address must contain the name of a user, without a password.

    Raises:
        ArgumentInvalid: it is no URL of one of these schemes.
        TargetNotSafe: it contains a password (or a user without `has_user`), or its host is not allowed.
    """
    parts = _split(address, ports)
    _check_user(parts, has_user)
    host = _host(parts)
    refuse_host(host, private=private, plain=parts.scheme in PLAIN)
    return Endpoint(parts.scheme, host, _port(parts) or ports[parts.scheme])


def refuse_host(host: str, *, private: bool, plain: bool = False) -> None:
    """Raise TargetNotSafe if a host name or IP address is not allowed. The network is not asked."""
    reason = _host_refusal(host, private, plain)
    if reason:
        hint = _PRIVATE_HINT if _host_refusal(host, True, plain) is None else _NEVER_HINT
        if reason == _IN_CLEAR_TEXT:
            hint = _PLAIN_HINT
        raise TargetNotSafe(f"the host {host!r} is {reason}", hint=hint)


def _host_refusal(host: str, private: bool, plain: bool) -> str | None:
    try:
        return refusal(ip_address(host), private=private, plain=plain)
    except ValueError:
        return _name_refusal(host, private)


def refusal(ip: _IP, *, private: bool, plain: bool = False) -> str | None:
    """Return why no connection is made to an IP address, or None if one may be made.

    With `private`, private addresses are allowed; with `plain`, only these, as nothing is encrypted.
    """
    if isinstance(ip, IPv6Address) and ip.scope_id is not None:
        return "an address with a zone"
    if isinstance(ip, IPv6Address) and ip in _NAT64:
        return refusal(IPv4Address(int(ip) & 0xFFFFFFFF), private=private, plain=plain)
    if (never := _kind(ip, _NEVER) or _embedded(ip)) is not None:
        return never
    found = _kind(ip, _PRIVATE)
    if private:
        return _IN_CLEAR_TEXT if plain and found is None else None
    return found or (None if _is_global(ip) else "reserved")


def resolve(host: str, port: int, *, private: bool, plain: bool = False) -> Sequence[str]:
    """Return the IP addresses of a host, by one query. It blocks.

    Raises:
        AddressRefused: one of them is not allowed; then none is used.
        OSError: there is no such host, or no name server answered.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return checked((str(entry[4][0]) for entry in found), private=private, plain=plain)


def checked(ips: Iterable[str], *, private: bool, plain: bool = False) -> Sequence[str]:
    """Return IP addresses without duplicates, in their order.

    Raises:
        AddressRefused: one of them is not allowed.
    """
    unique = tuple(dict.fromkeys(ips))
    for text in unique:
        try:
            reason = refusal(ip_address(text), private=private, plain=plain)
        except ValueError:
            reason = "no IP address"
        if reason:
            raise AddressRefused(f"the host has the address {text}, which is {reason}")
    return unique


def _split(address: str, ports: Mapping[str, int]) -> SplitResult:
    known = " or ".join(f"{scheme}://" for scheme in ports)
    hint = f"Write a URL that begins with {known}, in ASCII; a host in another script in its xn-- form."
    try:
        parts = urlsplit(address)
    except ValueError:
        raise ArgumentInvalid("the address is not a URL", hint=hint) from None
    if _ENCRYPTED.get(parts.scheme) in ports and parts.scheme not in ports:
        raise ArgumentInvalid(
            f"the address begins with {parts.scheme}://, which sends in clear text, instead of {known}",
            hint=_CLEAR_TEXT_HINT,
        )
    if not _URL.fullmatch(address) or parts.scheme not in ports or not address.startswith(parts.scheme):
        raise ArgumentInvalid(f"the address does not begin with {known}, or is not a URL", hint=hint)
    if parts.fragment or "#" in address:
        raise ArgumentInvalid("the address has a fragment (#)", hint="Leave the fragment out.")
    return parts


def _check_user(parts: SplitResult, has_user: bool) -> None:
    user, at, _ = parts.netloc.rpartition("@")
    if ":" in user or "@" in user or (at and not has_user):
        raise TargetNotSafe(
            f"the address contains {'a password' if has_user else 'a user or a password'}",
            hint="Put the secret into the environment as IU_SECRET_<NAME>, and give the target its name.",
        )
    if has_user and not user:
        raise ArgumentInvalid(
            "the address names no user", hint="Write the name of the user before the @, without a password."
        )


def _host(parts: SplitResult) -> str:
    host = (parts.hostname or "").lower()
    if "[" in parts.netloc:
        try:
            return str(IPv6Address(host))
        except ValueError:
            raise ArgumentInvalid(
                f"the address has no valid host: {host!r}", hint="Write an IPv6 address as [2001:db8::1]."
            ) from None
    if not _NAME.fullmatch(host):
        raise ArgumentInvalid(
            f"the address has no valid host: {host!r}",
            hint="Give one host name, without a dot at its end, or an IP address.",
        )
    if _NUMERIC.fullmatch(host):
        return _ipv4(host)
    return host


def _ipv4(host: str) -> str:
    """Return a host that clients would read as an IPv4 address, if it is written in the usual form."""
    try:
        return str(IPv4Address(host))
    except ValueError:
        raise TargetNotSafe(
            f"the host {host!r} is an IPv4 address in an unusual form",
            hint="Write it as four decimal numbers, such as 192.0.2.10.",
        ) from None


def _port(parts: SplitResult) -> int | None:
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0 or parts.netloc.endswith(":"):
        raise ArgumentInvalid(
            "the port of the address is not a number from 1 to 65535", hint="Correct the port."
        )
    return port


def _name_refusal(host: str, private: bool) -> str | None:
    if host in _METADATA_NAMES:
        return "a metadata service"
    return "loopback" if not private and _LOCAL_NAMES.fullmatch(host) else None


def _kind(ip: _IP, networks: Iterable[tuple[_Network, str]]) -> str | None:
    return next((kind for net, kind in networks if ip.version == net.version and ip in net), None)


def _embedded(ip: _IP) -> str | None:
    if ip.version == 4:
        return None
    compatible = ip in _COMPATIBLE and int(ip) != 1
    isatap = int(ip) >> 32 & 0xFFFFFFFF in _ISATAP
    return "an IPv4 address inside an IPv6 address" if compatible or isatap else None


def _is_global(ip: _IP) -> bool:
    return ip.is_global and (ip.version == 4 or ip in _GLOBAL_IPV6)

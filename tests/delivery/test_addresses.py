"""No target reaches an address that is not allowed, however it is written or resolved."""

from __future__ import annotations

import asyncio
import errno
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from yarl import URL

from delivery.kind_parts import VALUE, Listener, answers_of, granted, listening, message, secrets, send
from delivery.receiver import Receiver
from iu_pipelines.delivery import addresses
from iu_pipelines.delivery.kind import Answer
from iu_pipelines.delivery.webhook import WebhookTarget
from iu_pipelines.errors import ArgumentInvalid, IuError, TargetNotSafe

_PORTS: Final = {"https": 443, "http": 80}

PUBLIC: Final = "198.41.0.4"
"""A public address. Tests see that a connection to it begins, and refuse it: no packet leaves the machine."""

UNSAFE: Final = [
    "127.0.0.1", "127.255.255.254", "127.1", "127.0.1", "0", "0.0.0.0", "0.1.2.3", "10.0.0.1",
    "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "169.254.0.1", "169.254.169.254",
    "169.254.170.2", "100.64.0.1", "100.100.100.200", "192.0.0.192", "168.63.129.16", "224.0.0.1",
    "239.1.1.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1",
    "192.0.0.1", "2130706433", "017700000001", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "0177.0.0.01",
    "127.0.0.0x1", "0x7f.1", "3232235521", "00.0.0.0", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376",
    "134744072", "0x08080808", "010.8.8.8", "8.8.8", "8.8.2056", "[::]", "[::1]", "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::ffff:8.8.8.8]", "[::127.0.0.1]", "[::7f00:1]",
    "[::ffff:0:127.0.0.1]", "[64:ff9b::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b::10.0.0.1]", "[64:ff9b:1::1]", "[2002:7f00:1::]", "[2002:a9fe:a9fe::1]", "[2002:808:808::1]",
    "[2001::1]", "[2001:0:7f00:1:0:0:80ff:fffe]", "[fe80::1]", "[fe80::5efe:127.0.0.1]",
    "[2606:4700::5efe:7f00:1]", "[2606:4700::200:5efe:7f00:1]", "[fc00::1]", "[fd00::1]", "[fd00:ec2::254]",
    "[fd20:ce::254]", "[fec0::1]", "[ff02::1]", "[2001:db8::1]", "[100::1]", "[3fff::1]", "[5f00::1]",
    "[4000::1]", "[::2]", "localhost", "LOCALHOST", "foo.localhost", "localhost.localdomain",
    "ip6-localhost", "ip6-loopback", "localhost6", "localhost4", "metadata.google.internal", "metadata",
    "instance-data", "[fe80::1%25eth0]",
]  # fmt: skip

MALFORMED: Final = [
    "", "https://", "https:///path", "https:hooks.example.com", "//hooks.example.com/", "hooks.example.com",
    "ftp://hooks.example.com/", "file:///etc/passwd", "gopher://hooks.example.com/", "HTTPS2://x.example/",
    "https://hooks.example.com:0/", "https://hooks.example.com:65536/", "https://hooks.example.com:/",
    "https://hooks.example.com:x/", "https://hooks.example.com/#part", "https://hooks.example.com#",
    "https://hooks.example.com\\@127.0.0.1/", "https://hooks.example.com/a b", "https://hooks.example.com/\n",
    "\thttps://hooks.example.com/", " https://hooks.example.com/", "https://hooks.exam\nple.com/",
    "https://hooks.example.com./", "https://localhost./", "https://127.0.0.1./", "https://.example.com/",
    "https://a..example.com/", "https://-a.example.com/", "https://a%2eexample.com/", "https://%31/",
    "https://\u24dbocalhost/", "https://\uff11\uff12\uff17.0.0.1/", "https://127\u30020\u30020\u30021/", "https://bücher.example/",
    "https://[::1/", "https://[v1.x]/", "https://[127.0.0.1]/",
    "https://a,b.example/", "https://*.example.com/", "https://hooks.example.com:80:80/", "https://a_b|c/",
    "https://x" + ".a" * 127 + "/",
]  # fmt: skip

SAFE: Final = {
    "https://hooks.example.com/path?query=1": ("hooks.example.com", 443),
    "https://HOOKS.Example.com": ("hooks.example.com", 443),
    "https://hooks.example.com:8443/": ("hooks.example.com", 8443),
    "https://8.8.8.8/": ("8.8.8.8", 443),
    "https://[2606:4700::1111]/": ("2606:4700::1111", 443),
    "https://[64:ff9b::8.8.8.8]:9/": ("64:ff9b::808:808", 9),
    "https://localhost.example.com/": ("localhost.example.com", 443),
    "https://xn--bcher-kva.example/": ("xn--bcher-kva.example", 443),
    "https://a-b.c_d.example/": ("a-b.c_d.example", 443),
    "https://169.254.169.254.example/": ("169.254.169.254.example", 443),
}


@pytest.mark.parametrize("host", UNSAFE)
def test_an_unsafe_host_is_refused(host: str) -> None:
    for address in (f"https://{host}/", f"https://{host}:8443/x?y=z"):
        with pytest.raises(TargetNotSafe):
            WebhookTarget.check(address, {}, "HOOK", private=False)


@pytest.mark.parametrize("address", MALFORMED)
def test_a_malformed_address_is_refused_also_if_it_may_be_private(address: str) -> None:
    for private in (True, False):
        with pytest.raises(ArgumentInvalid):
            WebhookTarget.check(address, {}, "HOOK", private=private)


@pytest.mark.parametrize("address", SAFE)
def test_a_public_address_is_allowed(address: str) -> None:
    WebhookTarget.check(address, {}, "HOOK", private=False)
    found = addresses.check_url(address, _PORTS, private=False)
    assert (found.host, found.port) == SAFE[address]


@pytest.mark.parametrize(
    "address",
    ["https://ann@hooks.example.com/", "https://ann:pw@hooks.example.com/", "https://@hooks.example.com/",
     "https://8.8.8.8@127.0.0.1/", "https://x:@8.8.8.8/", "https://127.0.0.1:443@8.8.8.8/"],
)  # fmt: skip
def test_an_address_has_no_user(address: str) -> None:
    for private in (True, False):
        with pytest.raises(TargetNotSafe, match="a user or a password"):
            WebhookTarget.check(address, {}, "HOOK", private=private)


def test_plain_http_is_only_for_targets_that_may_be_private() -> None:
    with pytest.raises(ArgumentInvalid, match="in clear text, instead of https") as refused:
        WebhookTarget.check("http://hooks.example.com/", {}, "HOOK", private=False)
    assert "iu target set NAME --allow-private" in (refused.value.hint or "")
    with pytest.raises(ArgumentInvalid, match="does not begin with https"):
        WebhookTarget.check("amqp://hooks.example.com/", {}, "HOOK", private=False)
    WebhookTarget.check("http://hooks.example.com/", {}, "HOOK", private=True)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "10.1.2.3", "192.168.1.1", "169.254.1.1", "[::1]", "[fd00::1]", "localhost"]
)
def test_an_approver_may_allow_private_addresses(host: str) -> None:
    WebhookTarget.check(f"http://{host}:8080/", {}, "HOOK", private=True)


@pytest.mark.parametrize("host", [PUBLIC, f"[64:ff9b::{PUBLIC}]", "[2606:4700::1111]", "[4000::1]"])
def test_plain_http_reaches_no_public_address(host: str) -> None:
    with pytest.raises(TargetNotSafe) as refused:
        WebhookTarget.check(f"http://{host}/", {}, "HOOK", private=True)
    assert "https" in str(refused.value.hint)
    with suppress(TargetNotSafe):
        WebhookTarget.check(f"https://{host}/", {}, "HOOK", private=True)


@pytest.mark.parametrize(
    "host",
    ["169.254.169.254", "169.254.170.2", "[fd00:ec2::254]", "metadata.google.internal", "0.0.0.0", "[::]",
     "224.0.0.1", "255.255.255.255", "[ff02::1]", "[::ffff:127.0.0.1]", "[2002:7f00:1::]", "2130706433",
     "[64:ff9b::169.254.169.254]", "0x7f.1"],
)  # fmt: skip
def test_some_addresses_are_never_allowed(host: str) -> None:
    with pytest.raises(TargetNotSafe):
        WebhookTarget.check(f"http://{host}/", {}, "HOOK", private=True)


@pytest.mark.parametrize(
    ("host", "private", "helps"),
    [("10.0.0.1", False, True), ("localhost", False, True), ("4000::1", False, True),
     ("169.254.169.254", False, False), ("169.254.169.254", True, False), ("metadata.goog", False, False),
     ("metadata.goog", True, False), ("224.0.0.1", False, False), ("::ffff:8.8.8.8", True, False)],
)  # fmt: skip
def test_a_hint_names_allow_private_only_where_it_helps(host: str, private: bool, helps: bool) -> None:
    with pytest.raises(TargetNotSafe) as refused:
        addresses.refuse_host(host, private=private)
    hint = refused.value.hint or ""
    assert ("iu target set NAME --allow-private" in hint) == helps
    assert ("never" in hint) != helps


@given(st.ip_addresses(v=4))
@example(IPv4Address("127.0.0.1"))
def test_no_unusual_form_of_an_ipv4_address_is_accepted(ip: IPv4Address) -> None:
    number, parts = int(ip), [int(part) for part in str(ip).split(".")]
    forms = {
        str(number), hex(number), f"0{number:o}", ".".join(f"0{part:o}" for part in parts),
        ".".join(hex(part) for part in parts), f"{parts[0]}.{number & 0xFFFFFF}",
        f"{parts[0]}.{parts[1]}.{number & 0xFFFF}", ".".join(f"{part:03}" for part in parts),
    } - {str(ip)}  # fmt: skip
    for form in forms:
        with pytest.raises(TargetNotSafe):
            addresses.check_url(f"https://{form}/", _PORTS, private=True)


@given(st.ip_addresses(v=4), st.integers(0, 2**64 - 1))
@example(IPv4Address("127.0.0.1"), 0)
def test_an_ipv6_address_does_not_hide_an_ipv4_address(ip: IPv4Address, rest: int) -> None:
    number, allowed = int(ip), addresses.refusal(ip, private=False) is None
    hidden = {
        0xFFFF << 32 | number, number, 0x2002 << 112 | number << 80 | rest, 0x20010000 << 96 | rest,
        0x2606 << 112 | 0x5EFE << 32 | number, 0xFFFF0000 << 32 | number,
    }  # fmt: skip
    for six in map(IPv6Address, hidden):
        assert addresses.refusal(six, private=False), six
    nat64 = addresses.refusal(IPv6Address(0x64FF9B << 96 | number), private=False)
    assert (nat64 is None) == allowed


@given(st.ip_addresses())
def test_what_is_allowed_is_global(ip: IPv4Address | IPv6Address) -> None:
    if addresses.refusal(ip, private=False) is None and ip not in addresses._NAT64:
        assert ip.is_global
        assert not any((ip.is_private, ip.is_loopback, ip.is_link_local, ip.is_multicast, ip.is_reserved))
        assert addresses.refusal(ip, private=True) is None


_PIECES: Final = [
    "127", "0x7f", "0177", "1", ".", "0", ":", "@", "[", "]", "::", "a", "\\", "/", "%2e", "#", "?",
    "localhost", "\uff18", "\t", "-", "_",
]  # fmt: skip
_TEXTS: Final = st.one_of(
    st.text(max_size=40),
    st.from_regex(r"[0-9a-fx.:\[\]@%]{1,30}", fullmatch=True),
    st.lists(st.sampled_from(_PIECES), max_size=12).map("".join),
)


@given(_TEXTS)
@example("A")
@example("127.1")
@example("8.8.8.8\t@127.0.0.1")
def test_what_is_accepted_means_the_same_to_every_reader(text: str) -> None:
    """The text is refused, or this package, yarl (aiohttp) and the resolver see the same public host."""
    address = f"https://{text}/"
    try:
        WebhookTarget.check(address, {}, "HOOK", private=False)
    except IuError:
        return
    host = addresses.check_url(address, _PORTS, private=False).host
    for url in (URL(address, encoded=True), URL(address)):
        read = (url.raw_host or "").lower()
        assert read == host or ip_address(read) == ip_address(host)
    try:
        numeric = socket.getaddrinfo(host, 1, flags=socket.AI_NUMERICHOST)
    except OSError:
        return
    for entry in numeric:
        assert addresses.refusal(ip_address(entry[4][0]), private=False) is None


@given(st.text(max_size=30))
def test_an_address_with_any_text_raises_only_errors_of_this_package(text: str) -> None:
    for address in (text, f"https://{text}", f"postgresql://{text}"):
        with suppress(IuError):
            addresses.check_url(address, {**_PORTS, "postgresql": 5432}, private=True)


def test_one_bad_address_of_a_name_refuses_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", answers_of({"mixed.example": ["8.8.8.8 127.0.0.1 8.8.4.4"]}))
    with pytest.raises(addresses.AddressRefused, match=r"127\.0\.0\.1, which is loopback"):
        addresses.resolve("mixed.example", 443, private=False)
    assert list(addresses.resolve("mixed.example", 443, private=True)) == ["8.8.8.8", "127.0.0.1", "8.8.4.4"]


# What follows makes real connections, or proves that none is made.

_CONNECTED: list[Any] = []


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect":
        _CONNECTED.append(arguments[1][0])
        if arguments[1][0] == PUBLIC:
            raise ConnectionRefusedError(errno.ECONNREFUSED, "refused by the test")


sys.addaudithook(_audit)


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as found:
        yield found


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IU_SECRET_HOOK", f"host=hooks.example.com {VALUE}")


class Unchecked(WebhookTarget):
    """A broken kind whose check of the definition accepts everything."""

    @classmethod
    def check(
        cls, address: str, options: Mapping[str, Any], secret_name: str | None, *, private: bool
    ) -> None:
        pass


class Unresolved(Unchecked):
    """A broken kind that also checks no IP address when it connects."""

    async def open(self) -> None:
        await super().open()
        assert self._session is not None
        await self._session.close()
        self._session = aiohttp.ClientSession(trust_env=True, timeout=aiohttp.ClientTimeout(total=1))


def _public(port: int, name: str = "hooks.example.com", scheme: str = "http") -> Any:
    return granted(f"{scheme}://{name}:{port}/", allow_private=False, timeout_seconds=1)


def test_a_name_that_resolves_to_loopback_sees_no_connection(
    monkeypatch: pytest.MonkeyPatch, listener: Listener
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", answers_of({"hooks.example.com": ["127.0.0.1"]}))
    for kind, target in (
        (WebhookTarget, _public(listener.port, scheme="https")),
        (Unchecked, _public(listener.port)),
    ):
        (answer,) = send(kind, target, of=secrets())
        assert (answer.decision, answer.status_class, answer.local_fault) == ("retry", "not_safe", False)
        assert listener.connections() == 0
    send(Unresolved, _public(listener.port), of=secrets())
    assert listener.connections() > 0, "the listener would have seen a connection"


def test_a_name_with_one_bad_address_is_connected_to_at_none(
    monkeypatch: pytest.MonkeyPatch, listener: Listener
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", answers_of({"hooks.example.com": [f"{PUBLIC} 127.0.0.1"]}))
    _CONNECTED.clear()
    (answer,) = send(WebhookTarget, _public(listener.port, scheme="https"), of=secrets())
    assert (answer.status_class, _CONNECTED, listener.connections()) == ("not_safe", [], 0)


@pytest.mark.parametrize("ips", [PUBLIC, f"127.0.0.1 {PUBLIC}"])
def test_a_name_with_a_public_address_is_not_connected_to_in_clear_text(
    monkeypatch: pytest.MonkeyPatch, listener: Listener, ips: str
) -> None:
    """Neither http nor what an approver allowed makes it so; https may connect to it."""
    monkeypatch.setattr(socket, "getaddrinfo", answers_of({"hooks.example.com": [ips]}))
    for scheme, status_class, connected in (("http", "not_safe", False), ("https", None, True)):
        _CONNECTED.clear()
        target = granted(f"{scheme}://hooks.example.com:{listener.port}/", timeout_seconds=1)
        (answer,) = send(WebhookTarget, target, of=secrets())
        assert answer.decision == "retry"
        assert status_class in (None, answer.status_class)
        assert bool(_CONNECTED) == connected
        assert bool(listener.connections()) == (connected and "127" in ips)


def test_a_public_literal_that_passed_the_check_is_not_connected_to_in_clear_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("IU_SECRET_HOOK", f"host={PUBLIC} {VALUE}")
    _CONNECTED.clear()
    (answer,) = send(Unchecked, granted(f"http://{PUBLIC}/", timeout_seconds=1), of=secrets())
    assert (answer.status_class, _CONNECTED) == ("not_safe", [])


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "0x7f000001", "2130706433", "localhost", "0.0.0.0"])
def test_a_literal_that_passed_the_check_is_refused_when_it_is_connected_to(
    monkeypatch: pytest.MonkeyPatch, listener: Listener, host: str
) -> None:
    monkeypatch.setenv("IU_SECRET_HOOK", f"host={host} {VALUE}")
    (answer,) = send(Unchecked, _public(listener.port, host), of=secrets())
    assert answer.decision == "retry"
    assert answer.status_code is None
    assert listener.connections() == 0


def test_a_name_that_is_rebound_between_check_and_connection_is_resolved_once(
    monkeypatch: pytest.MonkeyPatch, listener: Listener
) -> None:
    """The first answer is public, each later one is loopback."""
    answers = {"hooks.example.com": [PUBLIC, "127.0.0.1"]}
    monkeypatch.setattr(socket, "getaddrinfo", answers_of(answers))
    _CONNECTED.clear()

    async def run() -> list[Answer]:
        target = WebhookTarget(_public(listener.port, scheme="https"), secrets())
        await target.open()
        try:
            first = await target.send(message(1))
            assert target._session is not None
            connector = target._session.connector
            assert isinstance(connector, aiohttp.TCPConnector)
            connector.clear_dns_cache()  # as after the ten seconds that aiohttp keeps the answer
            return [first, await target.send(message(2))]
        finally:
            await target.close()

    first, second = asyncio.run(run())
    assert set(_CONNECTED) <= {PUBLIC}
    assert _CONNECTED, "the first send connects to the first answer"
    assert first.status_class in {"timeout", "refused"}
    assert second.status_class == "not_safe"
    assert listener.connections() == 0


def test_a_check_before_a_second_resolution_would_be_too_late(
    monkeypatch: pytest.MonkeyPatch, listener: Listener
) -> None:
    """The broken variant: the answer that is checked is not the one that is used."""
    answers = {"hooks.example.com": [PUBLIC, "127.0.0.1"]}
    monkeypatch.setattr(socket, "getaddrinfo", answers_of(answers))
    addresses.resolve("hooks.example.com", listener.port, private=False)
    send(Unresolved, _public(listener.port), of=secrets())
    assert listener.connections() > 0


@pytest.mark.parametrize("name", ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"])
def test_variables_of_proxies_are_ignored(
    monkeypatch: pytest.MonkeyPatch, listener: Listener, tmp_path: Path, name: str
) -> None:
    monkeypatch.setenv(name, f"http://127.0.0.1:{listener.port}")
    monkeypatch.setenv("IU_SECRET_HOOK", f"host=127.0.0.1 {VALUE}")
    with Receiver(tmp_path) as receiver:
        (answer,) = send(WebhookTarget, granted(receiver.url()), of=secrets())
        assert answer.decision == "sent"
    assert listener.connections() == 0
    if name.lower() == "http_proxy":
        send(Unresolved, granted("http://127.0.0.1:9/", timeout_seconds=1), of=secrets())
        assert listener.connections() > 0, "the broken variant uses the proxy"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(
    monkeypatch: pytest.MonkeyPatch, listener: Listener, tmp_path: Path, status: int
) -> None:
    monkeypatch.setenv("IU_SECRET_HOOK", f"host=127.0.0.1 {VALUE}")
    with Receiver(tmp_path) as receiver:
        address = receiver.url(status=status, location=f"http://127.0.0.1:{listener.port}/")
        (answer,) = send(WebhookTarget, granted(address), of=secrets())
        assert (answer.decision, answer.status_class, answer.status_code) == ("retry", "3xx", status)
        assert len(receiver.requests()) == 1
    assert listener.connections() == 0

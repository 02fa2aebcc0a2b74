"""What tests of kinds of targets are made of: targets, messages, secrets, sends and sockets that listen."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from iu_pipelines import settings
from iu_pipelines.delivery.kind import Answer, Message, TargetKind
from iu_pipelines.delivery.secrets import Secrets, new_value
from iu_pipelines.domain.targets import GrantedTarget

VALUE: Final = "whsec_" + "QUJD" * 10
"""A secret that signs."""


def granted(address: str, **changes: Any) -> GrantedTarget:
    """Return a target that may be private and whose secret is HOOK, unless `changes` say otherwise."""
    values: dict[str, Any] = {
        "target_no": 1, "target_name": "hook", "kind": "webhook", "address": address, "secret_name": "HOOK",
        "timeout_seconds": 20, "lease_seconds": 60, "max_per_minute": None, "at_most_once": False,
        "allow_private": True, "options": {}, "target_version": 1, "enabled": True, "routes": (),
    }  # fmt: skip
    return GrantedTarget(**{**values, **changes})


def message(number: int = 1, subject: str = "doc/1", body: str | None = None, **headers: Any) -> Message:
    """Return the delivery with this number, as `fn_iu_delivery_claim` would return it."""
    event_id = UUID(int=number)
    key = f"evt_{event_id.hex}_1"
    content = {"id": key, "type": "version_applied", "sequence": number, "replayed": False, "data": {"n": 1}}
    given: dict[str, Any] = {
        "content-type": "application/json", "webhook-id": key, "ce-specversion": "1.0", "ce-id": key,
        "ce-type": "version_applied", "ce-source": "/iu", "ce-subject": subject,
        "ce-time": "2026-11-27T00:00:00+00:00", "iu-attempt": 1,
    }  # fmt: skip
    return Message(
        key=key,
        event_id=event_id,
        route_code="shop.paid",
        subject=UUID(int=7),
        subject_no=number,
        attempt_no=1,
        headers={**given, **{name.replace("_", "-"): value for name, value in headers.items()}},
        body=json.dumps(content) if body is None else body,
    )


def secrets(directory: Path | None = None, **files: str) -> Secrets:
    """Return the secrets of a directory, after writing `files` into it."""
    for name, text in files.items():
        assert directory is not None
        (directory / name).write_text(text, encoding="utf-8")
    return Secrets(settings.load(secrets_dir=directory))


def send(kind: type[TargetKind], target: GrantedTarget, *messages: Message, of: Secrets) -> list[Answer]:
    """Open a target, send messages at the same time, close it, and return the answers."""

    async def run() -> list[Answer]:
        opened = kind(target, of)
        try:
            await opened.open()
            return list(await asyncio.gather(*(opened.send(one) for one in messages or (message(),))))
        finally:
            await opened.close()

    return asyncio.run(run())


class Listener:
    """A socket that listens on loopback and counts the connections that were made to it."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self.port: int = sock.getsockname()[1]

    def connections(self) -> int:
        """Return how many connections were made since the last call. None is missed: they are queued."""
        found = 0
        while True:
            try:
                self._socket.accept()[0].close()
            except BlockingIOError:
                return found
            found += 1


@contextmanager
def listening() -> Iterator[Listener]:
    """Yield a socket that listens on 127.0.0.1."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as sock:
        sock.setblocking(False)
        yield Listener(sock)


@contextmanager
def deaf() -> Iterator[int]:
    """Yield a port that answers no connection: its queue is full, so that the kernel drops further ones."""
    with ExitStack() as stack:
        full = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        with suppress(TimeoutError):
            while True:
                stack.enter_context(socket.create_connection(full.getsockname(), timeout=0.5))
        yield full.getsockname()[1]


class Authority:
    """A certificate authority that makes certificates in a directory."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority of tests")])
        self.certificate = directory / "authority.pem"
        made = _builder(self._name, self._name, self._key, 1).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self.certificate.write_bytes(_pem(made.sign(self._key, hashes.SHA256())))

    def issue(self, host: str, days: int = 1) -> tuple[Path, Path]:
        """Return the files of a certificate and its key, valid until `days` from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        try:
            alternative: x509.GeneralName = x509.IPAddress(ip_address(host))
        except ValueError:
            alternative = x509.DNSName(host)
        made = _builder(name, self._name, key, days).add_extension(
            x509.SubjectAlternativeName([alternative]), critical=False
        )
        certificate, path = (self._directory / f"{host}-{days}.{kind}" for kind in ("pem", "key"))
        certificate.write_bytes(_pem(made.sign(self._key, hashes.SHA256())))
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return certificate, path


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: int
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=10))
        .not_valid_after(now + timedelta(days=days))
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def answers_of(ips: Mapping[str, list[str]]) -> Any:
    """Return a `getaddrinfo` that answers with the next address of a name, the last one for ever.

    Numeric hosts, and names that it does not know, are resolved as usual.
    """
    real = socket.getaddrinfo

    def answer(host: Any, port: Any, *arguments: Any, **options: Any) -> Any:
        left = ips.get(host if isinstance(host, str) else "")
        if left is None:
            return real(host, port, *arguments, **options)
        ip = left.pop(0) if len(left) > 1 else left[0]
        return [entry for one in ip.split(" ") for entry in real(one, port, type=socket.SOCK_STREAM)]

    return answer


__all__ = [
    "VALUE", "Authority", "Listener", "answers_of", "deaf", "granted", "listening", "message", "new_value",
    "secrets", "send",
]  # fmt: skip

"""An HTTP receiver in a process of its own, which records each request and misbehaves on demand.

`Receiver` starts it on loopback. What it does with a request is a `Behaviour`: that of the query of the URL
(`receiver.url(status=503)`), else that of the event's subject, else the default one (`receiver.behave`). The
file of its record has one line of JSON for each connection and each request, written before the answer.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import os
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import parse_qs, urlencode, urlsplit

_CONTROL: Final = "/behaviour"
_HUGE: Final = 10_000_000


@dataclass(frozen=True)
class Behaviour:
    """What the receiver does with a request.

    `mode`: `answer`; `hang` (never answers); `huge` (10 MB of body); `trickle` (one byte of body a second);
    `close` (in mid-answer), `drop` (without an answer), `reset` (with an RST), `garbage` (not HTTP), `gzip`
    (a compressed body), `endless_headers`, `cookie` (sets one). `delay`: seconds before that. `location`,
    `retry_after`: headers of the answer. `secrets`: comma-separated secrets; a request that no one of them
    signed is answered with 401.
    """

    mode: str = "answer"
    status: int = 200
    delay: float = 0
    location: str = ""
    retry_after: str = ""
    secrets: str = ""
    body: str = "ok"


@dataclass(frozen=True)
class Request:
    """One recorded request. `headers` has lower-case names; `at` is the time of the receiver's clock."""

    method: str
    path: str
    headers: dict[str, str]
    body: str
    status: int
    at: float
    connection: int

    @property
    def key(self) -> str:
        return self.headers.get("webhook-id", "")

    @property
    def content(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Tls:
    """Files in PEM form: the certificate of the receiver, its key, and the authority of its clients."""

    certificate: Path
    key: Path
    client_authority: Path | None = None


class Receiver:
    """The receiver as a test sees it. `kill` and `start` keep the port and the record."""

    def __init__(
        self,
        directory: Path,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        fsync: bool = False,
        tls: Tls | None = None,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.record = directory / "received.jsonl"
        self.host = host
        self.port = port
        self._fsync = fsync
        self._tls = tls
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start the process and wait until it listens."""
        command = [sys.executable, __file__, str(self.record), str(self.port), "--host", self.host]
        command += ["--fsync"] if self._fsync else []
        if self._tls:
            command += ["--certificate", str(self._tls.certificate), "--key", str(self._tls.key)]
            command += ["--authority", str(self._tls.client_authority)] if self._tls.client_authority else []
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def kill(self) -> None:
        """Kill the process with SIGKILL, if it runs."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None

    def url(self, path: str = "/hook", host: str = "", **behaviour: Any) -> str:
        """Return the address of the receiver, with a behaviour in the query."""
        query = f"?{urlencode(behaviour)}" if behaviour else ""
        return f"{'https' if self._tls else 'http'}://{host or self.host}:{self.port}{path}{query}"

    def behave(
        self, default: Behaviour | None = None, subjects: Mapping[str, Behaviour] | None = None
    ) -> None:
        """Set the default behaviour and those of subjects (the header `ce-subject`). Not with TLS."""
        content = {
            "default": asdict(default or Behaviour()),
            "subjects": {name: asdict(one) for name, one in (subjects or {}).items()},
        }
        request = urllib.request.Request(
            f"http://{self.host}:{self.port}{_CONTROL}", json.dumps(content).encode(), method="PUT"
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=60) as answer:
            assert answer.status == 200

    def requests(self) -> list[Request]:
        """Return the requests in the order of their arrival, of all processes since the record began."""
        return [
            Request(**{field.name: line[field.name] for field in fields(Request)})
            for line in self._lines()
            if "method" in line
        ]

    def connections(self) -> int:
        """Return how many connections were accepted, without those of `behave`."""
        lines = list(self._lines())
        return sum("method" not in line for line in lines) - 2 * sum("control" in line for line in lines)

    def _lines(self) -> Iterator[dict[str, Any]]:
        if self.record.exists():
            for line in self.record.read_text(encoding="utf-8").splitlines(keepends=True):
                if line.endswith("\n"):
                    yield json.loads(line)


@contextmanager
def receiving(directory: Path, **options: Any) -> Iterator[Receiver]:
    """Yield a receiver that runs."""
    with Receiver(directory, **options) as receiver:
        yield receiver


class _Server:
    """What the connections of the process share."""

    def __init__(self, record: str, fsync: bool) -> None:
        self.file = os.open(record, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self.fsync = fsync
        self.default = Behaviour()
        self.subjects: dict[str, Behaviour] = {}
        self.connections = 0

    def write(self, line: Mapping[str, Any]) -> None:
        os.write(self.file, json.dumps(line).encode() + b"\n")
        if self.fsync:
            os.fsync(self.file)

    def behaviour(self, path: str, headers: Mapping[str, str]) -> Behaviour:
        query = parse_qs(urlsplit(path).query, keep_blank_values=True)
        if query:
            kinds = {"status": int, "delay": float}
            known = {field.name for field in fields(Behaviour)}
            return Behaviour(**{k: kinds.get(k, str)(v[0]) for k, v in query.items() if k in known})
        return self.subjects.get(headers.get("ce-subject", ""), self.default)

    def control(self, body: bytes) -> None:
        content = json.loads(body)
        self.default = Behaviour(**content["default"])
        self.subjects = {name: Behaviour(**one) for name, one in content["subjects"].items()}


class _Connection(asyncio.Protocol):
    def __init__(self, server: _Server) -> None:
        self.server = server
        self.buffer = b""
        self.tasks: set[asyncio.Task[None]] = set()
        server.connections += 1
        self.number = server.connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.server.write({"connection": self.number})

    def connection_lost(self, exc: Exception | None) -> None:
        for task in self.tasks:
            task.cancel()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            first, *lines = self.buffer[:end].decode("latin-1").split("\r\n")
            pairs = [line.split(":", 1) for line in lines]
            headers = {name.lower(): value.strip() for name, value in pairs}
            assert len(headers) == len(pairs), f"a header came twice: {pairs}"
            length = int(headers.get("content-length", 0))
            if len(self.buffer) < end + 4 + length:
                return
            body = self.buffer[end + 4 : end + 4 + length]
            self.buffer = self.buffer[end + 4 + length :]
            self.received(first, headers, body)

    def received(self, first: str, headers: dict[str, str], body: bytes) -> None:
        method, path, _ = first.split(" ")
        if (method, path) == ("PUT", _CONTROL):
            self.server.control(body)
            self.server.write({"control": self.number})
            self.answer(Behaviour())
            return
        behaviour = self.server.behaviour(path, headers)
        if behaviour.secrets and not _is_signed(headers, body, behaviour.secrets.split(",")):
            behaviour = Behaviour(status=401)
        self.server.write(
            {
                "method": method, "path": path, "headers": headers, "body": body.decode(),
                "status": behaviour.status, "at": time.time(), "connection": self.number,
            }
        )  # fmt: skip
        if behaviour.mode == "answer" and not behaviour.delay:
            self.answer(behaviour)
        else:
            task = asyncio.ensure_future(self.misbehave(behaviour))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def misbehave(self, behaviour: Behaviour) -> None:
        await asyncio.sleep(behaviour.delay)
        if behaviour.mode in {"answer", "gzip", "cookie"}:
            self.answer(behaviour)
        else:
            await getattr(self, f"mode_{behaviour.mode}")(behaviour)

    async def mode_hang(self, _: Behaviour) -> None:
        await asyncio.Event().wait()

    async def mode_huge(self, behaviour: Behaviour) -> None:
        self.write(behaviour, length=_HUGE)
        for _ in range(_HUGE // 10_000):
            self.transport.write(b"x" * 10_000)
            await asyncio.sleep(0)

    async def mode_trickle(self, behaviour: Behaviour) -> None:
        self.write(behaviour, length=1000)
        while True:
            self.transport.write(b"x")
            await asyncio.sleep(1)

    async def mode_endless_headers(self, _: Behaviour) -> None:
        self.transport.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            self.transport.write(b"x-more: " + b"y" * 1000 + b"\r\n")
            await asyncio.sleep(0)

    async def mode_close(self, behaviour: Behaviour) -> None:
        self.write(behaviour, length=100)
        self.transport.write(b"x" * 10)
        self.transport.close()

    async def mode_drop(self, _: Behaviour) -> None:
        self.transport.close()

    async def mode_reset(self, _: Behaviour) -> None:
        self.transport.abort()

    async def mode_garbage(self, _: Behaviour) -> None:
        self.transport.write(b"SSH-2.0-OpenSSH_9.2 what is this\r\n\r\n")

    def answer(self, behaviour: Behaviour) -> None:
        body = behaviour.body.encode()
        extra = ""
        if behaviour.mode == "gzip":
            body, extra = gzip.compress(b"x" * _HUGE), "Content-Encoding: gzip\r\n"
        if behaviour.mode == "cookie":
            extra = "Set-Cookie: session=1; Path=/\r\n"
        self.write(behaviour, len(body), extra)
        self.transport.write(body)

    def write(self, behaviour: Behaviour, length: int, extra: str = "") -> None:
        for name, value in (("Location", behaviour.location), ("Retry-After", behaviour.retry_after)):
            extra += f"{name}: {value}\r\n" if value else ""
        self.transport.write(
            f"HTTP/1.1 {behaviour.status} Status\r\nContent-Type: text/plain\r\n"
            f"Content-Length: {length}\r\n{extra}\r\n".encode("latin-1")
        )


def _is_signed(headers: dict[str, str], body: bytes, secrets: list[str]) -> bool:
    from standardwebhooks.webhooks import Webhook, WebhookVerificationError

    for secret in secrets:
        try:
            Webhook(secret).verify(body, headers)
        except WebhookVerificationError:
            continue
        return True
    return False


async def _serve(arguments: argparse.Namespace) -> None:
    context = None
    if arguments.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(arguments.certificate, arguments.key)
        if arguments.authority:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(arguments.authority)
    shared = _Server(arguments.record, arguments.fsync)
    server = await asyncio.get_running_loop().create_server(
        lambda: _Connection(shared), arguments.host, arguments.port, ssl=context, backlog=1000
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("record")
    parser.add_argument("port", type=int)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--fsync", action="store_true")
    for option in ("--certificate", "--key", "--authority"):
        parser.add_argument(option)
    asyncio.run(_serve(parser.parse_args()))

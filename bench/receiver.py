"""A receiver of webhooks in a process of its own: it answers 204 to each POST, and counts them.

Its CPU belongs to no system. It reads no header but Content-Length, so that it takes little of the machine.
A path with a number, such as /20, is answered after so many milliseconds.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, cast

_NO_CONTENT: Final = b"HTTP/1.1 204 No Content\r\n\r\n"
_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"\r\ncontent-length:"


class Receiver:
    """A running receiver. Senders post to `url`."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/"

    def taken(self) -> int:
        """Return the number of POSTs since the last call."""
        with urllib.request.urlopen(self.url) as answer:
            return int(answer.read())


@contextmanager
def running() -> Iterator[Receiver]:
    """Run a receiver on a free port of the loopback."""
    command = [sys.executable, str(Path(__file__))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Receiver(int(process.stdout.readline()))
        finally:
            process.terminate()


class _Connection(asyncio.Protocol):
    """One connection: requests without pipelining."""

    count = 0

    def __init__(self) -> None:
        self._got = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        self._got += data
        end = self._got.find(_END)
        if end < 0:
            return
        if self._got.startswith(b"GET"):
            self._answer_count()
            return
        head = self._got[:end].lower()
        at = head.find(_LENGTH)
        length = int(head[at + len(_LENGTH) :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self._got) >= end + len(_END) + length:
            delay = self._got[6 : self._got.find(b" ", 6)]
            self._got = b""
            _Connection.count += 1
            if delay:
                asyncio.get_running_loop().call_later(int(delay) / 1000, self._transport.write, _NO_CONTENT)
            else:
                self._transport.write(_NO_CONTENT)

    def _answer_count(self) -> None:
        text, _Connection.count = str(_Connection.count).encode(), 0
        self._transport.write(
            b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text)
        )
        self._transport.close()


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(_Connection, "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve())

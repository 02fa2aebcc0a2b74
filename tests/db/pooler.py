"""A minimal connection pooler for tests of startup options: it refuses or drops them."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final, Literal
from urllib.parse import urlsplit

Manner = Literal["refuse", "drop"]

_ENCRYPTION: Final = (80877103, 80877104)
_REFUSAL: Final = b"SFATAL\0C08P01\0Munsupported startup parameter: options\0\0"


@contextmanager
def in_front_of(url: str, manner: Manner) -> Iterator[str]:
    """Yield the URL of a pooler that forwards everything to the server of `url`, except startup options."""
    parts = urlsplit(url)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        behind = (parts.hostname or "", parts.port or 5432)
        threading.Thread(target=_serve, args=(listener, behind, manner), daemon=True).start()
        port = listener.getsockname()[1]
        login, _, _ = parts.netloc.rpartition("@")
        yield parts._replace(netloc=f"{login}@127.0.0.1:{port}", query="").geturl()


def _serve(listener: socket.socket, behind: tuple[str, int], manner: Manner) -> None:
    with suppress(OSError):
        while True:
            client, _ = listener.accept()
            threading.Thread(target=_forward, args=(client, behind, manner), daemon=True).start()


def _forward(client: socket.socket, behind: tuple[str, int], manner: Manner) -> None:
    with suppress(OSError), client, socket.create_connection(behind) as server:
        code, strings = _startup(client)
        parameters = dict(zip(strings[::2], strings[1::2], strict=False))
        if manner == "refuse" and b"options" in parameters:
            client.sendall(b"E" + struct.pack("!i", len(_REFUSAL) + 4) + _REFUSAL)
            return
        parameters.pop(b"options", None)
        body = b"".join(name + b"\0" + value + b"\0" for name, value in parameters.items()) + b"\0"
        server.sendall(struct.pack("!ii", len(body) + 8, code) + body)
        back = threading.Thread(target=_copy, args=(server, client), daemon=True)
        back.start()
        _copy(client, server)
        back.join()


def _startup(client: socket.socket) -> tuple[int, list[bytes]]:
    """Return the code and the strings of the startup message; refuse encryption before it."""
    while True:
        length, code = struct.unpack("!ii", client.recv(8, socket.MSG_WAITALL))
        body = client.recv(length - 8, socket.MSG_WAITALL) if length > 8 else b""
        if code not in _ENCRYPTION:
            return code, [string for string in body.split(b"\0") if string]
        client.sendall(b"N")


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)

"""A TCP proxy on loopback for tests of connections: it stops answering or cuts in the middle of a message.

What a client sends goes on to the server, also the data that lets the proxy act; of the answer nothing comes
back. So the message arrives, and the client cannot know.
"""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Self

_LINGER: Final = struct.pack("ii", 1, 0)


class Proxy:
    """A proxy for one port. `acts_on` says which data of the client lets it act; before that it forwards.

    `act` is `cut` (the connection ends with an RST) or `silence` (the server is heard no more). With `tls`,
    clients encrypt, and the connection to the server is plain.
    """

    def __init__(
        self,
        port: int,
        acts_on: Callable[[bytes], bool] = lambda _: False,
        act: str = "cut",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._target = ("127.0.0.1", port)
        self._acts_on = acts_on
        self._act = act
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port: int = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def connections(self) -> int:
        """How many connections were made in all."""
        with self._lock:
            return len(self._sockets) // 2

    def cut(self) -> None:
        """End all connections that are open."""
        with self._lock:
            for one in self._sockets:
                _reset(one)

    def close(self) -> None:
        """End all connections, and accept no others."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            if self._tls is not None:
                client = self._tls.wrap_socket(client, server_side=True)
            server = socket.create_connection(self._target)
        except OSError:
            client.close()
            return
        with self._lock:
            self._sockets += [client, server]
        acted = threading.Event()
        answers = threading.Thread(target=self._answer, args=(server, client, acted), daemon=True)
        answers.start()
        with suppress(OSError):
            while data := client.recv(65_536):
                if self._acts_on(data) and not acted.is_set():
                    acted.set()
                    server.sendall(data)
                    if self._act == "cut":
                        break
                else:
                    server.sendall(data)
        if acted.is_set() and self._act == "cut":
            _reset(client)
        with suppress(OSError):
            server.shutdown(socket.SHUT_WR)

    def _answer(self, server: socket.socket, client: socket.socket, acted: threading.Event) -> None:
        with suppress(OSError):
            while data := server.recv(65_536):
                if not acted.is_set():
                    client.sendall(data)
        if not acted.is_set():
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)


def _reset(one: socket.socket) -> None:
    with suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
        one.shutdown(socket.SHUT_RDWR)
    with suppress(OSError):
        one.close()


__all__ = ["Proxy"]

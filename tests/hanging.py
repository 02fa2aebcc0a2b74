"""Databases that do not answer, each on loopback: silent, unconnectable, frozen, or locked."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from urllib.parse import urlsplit

from iu_pipelines.db.gateway import Gateway


def _url(port: int) -> str:
    return f"postgresql://nobody:secret-of-nobody@127.0.0.1:{port}/none"


@contextmanager
def silent(until: threading.Event) -> Iterator[str]:
    """Yield the URL of a listener that accepts and answers nothing; when `until` is set, it closes all."""
    with socket.create_server(("127.0.0.1", 0)) as listener, ExitStack() as accepted:
        listener.settimeout(0.05)
        stopped = threading.Event()

        def accept() -> None:
            held: list[socket.socket] = []
            while not stopped.is_set():
                with suppress(TimeoutError):
                    held.append(accepted.enter_context(listener.accept()[0]))
                if until.is_set():
                    for one in held:
                        one.close()

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield _url(listener.getsockname()[1])
        finally:
            stopped.set()
            thread.join()


@contextmanager
def unconnectable() -> Iterator[str]:
    """Yield a URL whose host drops the packets of new connections: its queue of connections is full."""
    with socket.socket() as listener, ExitStack() as queue:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(8):
            one = queue.enter_context(socket.socket())
            one.setblocking(False)
            with suppress(BlockingIOError):
                one.connect(listener.getsockname())
        yield _url(listener.getsockname()[1])


@contextmanager
def locked(url: str, table: str) -> Iterator[None]:
    """Hold an exclusive lock on a table."""
    with Gateway(url) as gateway, gateway.transaction() as session:
        session.execute(f"lock table {table} in access exclusive mode")
        yield


class Freezer:
    """A proxy to a database, which passes nothing on while it is frozen."""

    def __init__(self, url: str) -> None:
        self.frozen = threading.Event()
        self._stopped = threading.Event()
        self._to = urlsplit(url)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.05)
        self._threads: list[threading.Thread] = [threading.Thread(target=self._accept)]
        self._threads[0].start()
        login = self._to.netloc.rpartition("@")[0]
        self.url = self._to._replace(netloc=f"{login}@127.0.0.1:{self._listener.getsockname()[1]}").geturl()

    def _accept(self) -> None:
        while not self._stopped.is_set():
            with suppress(TimeoutError):
                client, _ = self._listener.accept()
                self._threads.append(threading.Thread(target=self._pass_on, args=(client,)))
                self._threads[-1].start()

    def _pass_on(self, client: socket.socket) -> None:
        with client, socket.create_connection((self._to.hostname or "", self._to.port or 0)) as server:
            other = {client: server, server: client}
            while not self._stopped.is_set():
                if self.frozen.is_set():
                    self._stopped.wait(0.02)
                    continue
                for ready in select.select([client, server], [], [], 0.05)[0]:
                    if self.frozen.is_set():
                        break
                    try:
                        data = ready.recv(65536)
                        other[ready].sendall(data)
                    except OSError:
                        data = b""
                    if not data:
                        return

    def close(self) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()
        self._listener.close()


@contextmanager
def freezer(url: str) -> Iterator[Freezer]:
    """Yield a proxy to the database of `url`."""
    proxy = Freezer(url)
    try:
        yield proxy
    finally:
        proxy.close()

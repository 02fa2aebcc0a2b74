"""The HTTP endpoint of the metrics: prometheus_client's own server, in a thread of this process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from prometheus_client import make_wsgi_app, start_http_server

from iu_pipelines.db.embedded.server import EmbeddedServer
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import metrics
from iu_pipelines.domain.metrics import Snapshot
from iu_pipelines.errors import IuError, redact
from iu_pipelines.hosting import exposition
from iu_pipelines.hosting.ports import require_free
from iu_pipelines.settings import Settings

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_PATH: Final = "/metrics"

APPLICATION_NAME: Final = "iu metrics"
SHARED_SECONDS: Final = 1.0
"""How long a snapshot is returned to further scrapes."""


@dataclass
class Source:
    """The snapshots that scrapes share. One scrape at a time reads the database.

    `say` is called with the reason when the database stops answering, and when it answers again.
    """

    settings: Settings
    say: Callable[[str], None]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _gateway: Gateway | None = None
    _newest: Snapshot | None = None
    _read_at: float = float("-inf")
    _failure: str | None = None

    def read(self) -> Snapshot | None:
        """Return a snapshot that is at most a second old, or None if the database does not answer."""
        with self._lock:
            if time.monotonic() - self._read_at > SHARED_SECONDS:
                self._newest = self._collect()
                self._read_at = time.monotonic()
            return self._newest

    def open(self) -> Gateway:
        """Return the gateway of the scrapes, which connects when it is used. Raises UsageError."""
        if self._gateway is None:
            self._gateway = Gateway(
                _url(self.settings),
                application_name=APPLICATION_NAME,
                max_size=1,
                lock_seconds=metrics.LOCK_SECONDS,
            )
        return self._gateway

    def close(self) -> None:
        """Close the connection."""
        gateway, self._gateway = self._gateway, None
        if gateway:
            gateway.close()

    def _collect(self) -> Snapshot | None:
        try:
            found = metrics.collect(self.open())
        except Exception as error:  # noqa: BLE001  the endpoint answers whatever the error is
            self.close()
            self._note(_described(error))
            return None
        self._note(None)
        return found

    def _note(self, failure: str | None) -> None:
        """Report a change between answering and not answering."""
        changed = bool(failure) != bool(self._failure)
        self._failure = failure
        if changed:
            with suppress(OSError):  # nobody reads the output any more
                self.say(failure or "it answers again")


@contextmanager
def serving(host: str, port: int, settings: Settings, say: Callable[[str], None]) -> Iterator[None]:
    """Serve the metrics at `http://host:port/metrics` until the block ends. Other paths are not found.

    `settings` choose the database. An embedded server is not started by a scrape.

    Raises:
        UsageError: the port is in use, the host is not of this machine, or the URL of the database is not
            valid.
    """
    require_free(host, port, "Stop the process there, or choose another port: iu metrics --serve --port PORT")
    source = Source(settings, say)
    source.open()
    registry = exposition.registry(source.read)
    server, thread = start_http_server(port, host, registry)
    server.set_app(_only_metrics(make_wsgi_app(registry)))
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        source.close()


def _only_metrics(application: WSGIApplication) -> WSGIApplication:
    """Return an application that passes only its documented path on: prometheus_client answers every path."""

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path == _PATH:
            return application(environ, start_response)
        status = "200 OK" if path in ("", "/") else "404 Not Found"
        start_response(status, [("Content-Type", "text/plain; charset=utf-8")])
        return [f"The metrics are at {_PATH}\n".encode()]

    return answer


def _url(settings: Settings) -> str:
    """Return the URL of the database, also while its embedded server is stopped."""
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    return EmbeddedServer(settings.home, pg_bin=settings.pg_bin).url()


def _described(error: Exception) -> str:
    """Return an error on one line without a password."""
    message = error.message if isinstance(error, IuError) else f"{type(error).__name__}: {error}"
    return " ".join(redact(message).split())

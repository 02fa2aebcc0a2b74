"""Remote stores for tests: FTP and S3 servers of their own, and the memory of this process."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

PASSWORD = "s3cr3t-of-ann"


@contextmanager
def ftp(folder: Path) -> Iterator[str]:
    """Yield the URL of an FTP server on `folder`, with the login and the password of ann."""
    authorizers, handlers, servers = (
        pytest.importorskip(f"pyftpdlib.{module}") for module in ("authorizers", "handlers", "servers")
    )
    logging.getLogger("pyftpdlib").setLevel(logging.CRITICAL)
    users = authorizers.DummyAuthorizer()
    users.add_user("ann", PASSWORD, str(folder), perm="elradfmwMT")
    handler = type("Handler", (handlers.FTPHandler,), {"authorizer": users})
    server = servers.FTPServer(("127.0.0.1", 0), handler)
    is_over = threading.Event()

    def serve() -> None:
        while not is_over.is_set():
            server.serve_forever(timeout=0.05, blocking=False)
        server.close_all()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"ftp://ann:{PASSWORD}@127.0.0.1:{server.address[1]}/packs"
    finally:
        is_over.set()
        thread.join()


@contextmanager
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Yield the URL of a bucket on an S3 server of moto."""
    s3fs = pytest.importorskip("s3fs")
    server = pytest.importorskip("moto.server").ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("FSSPEC_S3_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("FSSPEC_S3_KEY", "ann")
    monkeypatch.setenv("FSSPEC_S3_SECRET", PASSWORD)
    configured: dict[str, Any] = {}
    config: Any = pytest.importorskip("fsspec.config")
    config.set_conf_env(configured)
    monkeypatch.setitem(config.conf, "s3", configured["s3"])
    s3fs.S3FileSystem(skip_instance_cache=True).makedirs("packs", exist_ok=True)
    try:
        yield f"s3://packs/{uuid4()}"
    finally:
        server.stop()


@contextmanager
def memory() -> Iterator[str]:
    """Yield a URL in the memory of this process."""
    yield f"memory://{uuid4()}/packs"

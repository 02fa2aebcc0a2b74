"""Remote stores for tests: FTP and S3 servers of their own, and the memory of this process."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
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
    server = servers.ThreadedFTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"timeout": 0.05, "handle_exit": False})
    thread.start()
    try:
        yield f"ftp://ann:{PASSWORD}@127.0.0.1:{server.address[1]}/packs"
    finally:
        server.close_all()
        thread.join()


@contextmanager
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Yield the URL of a bucket on an S3 server of moto."""
    pytest.importorskip("s3fs")
    server = pytest.importorskip("moto.server").ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("FSSPEC_S3_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("FSSPEC_S3_KEY", "ann")
    monkeypatch.setenv("FSSPEC_S3_SECRET", PASSWORD)
    configured: dict[str, Any] = {}
    from fsspec import config

    config.set_conf_env(configured)
    monkeypatch.setitem(config.conf, "s3", configured["s3"])
    import s3fs  # type: ignore[import-not-found, unused-ignore]

    s3fs.S3FileSystem(skip_instance_cache=True).mkdir("packs")
    try:
        yield "s3://packs/evidence"
    finally:
        server.stop()


@contextmanager
def memory() -> Iterator[str]:
    """Yield a URL in the memory of this process."""
    yield f"memory://{uuid4()}/packs"


REMOTE: dict[str, Callable[..., Any]] = {"memory": memory, "ftp": ftp, "s3": s3}


@pytest.fixture(params=REMOTE)
def remote(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Yield the URL of a remote store that has no pack."""
    (tmp_path / "served").mkdir()
    opened = {
        "memory": memory,
        "ftp": lambda: ftp(tmp_path / "served"),
        "s3": lambda: s3(monkeypatch),
    }[request.param]
    with opened() as url:
        yield url

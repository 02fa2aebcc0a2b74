"""The servers that tests start, with the default settings of PostgreSQL or those of the embedded server.

IU_TEST_SERVER is `stock` (the default) or `embedded`. IU_TEST_PG_BIN is the directory of the binaries of
every server that a test starts. Without it, a stock server uses the newest version in /usr/lib/postgresql,
or, if there is none, the binaries that the embedded server finds.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from databases import ISOLATION
from iu_pipelines.db.embedded import binaries, server_user
from iu_pipelines.db.embedded.cluster import Cluster
from iu_pipelines.db.embedded.server import EmbeddedServer

VARIABLES: Final = frozenset({"IU_TEST_SERVER", "IU_TEST_PG_BIN"})
"""Environment variables that choose the server."""

FAST: Final = {"fsync": "off", "full_page_writes": "off", "max_connections": "200"}
"""Settings of test servers that differ from the defaults. None of them changes a query plan."""

_KIND: Final = os.environ.get("IU_TEST_SERVER", "stock")
_BIN: Final = os.environ.get("IU_TEST_PG_BIN")


class StockServer(EmbeddedServer):
    """A server without the settings of the embedded one: only its addresses and `settings` are set."""

    def __init__(self, home: Path, *, settings: Mapping[str, str] | None = None) -> None:
        super().__init__(home)
        self._cluster = Cluster(self.home, bin_directory(), {**(settings or {})})


_ENOUGH: Final = 4 << 30
"""Bytes that must be free in memory for the data of a test run."""


def memory() -> Path | None:
    """Return a directory in memory for temporary files, or None where there is too little space.

    A test creates and drops a database of 300 files; on a disk that takes a seventh of the processor time.
    Tests also execute files that they write.
    """
    place = Path("/dev/shm")
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        return None
    if os.statvfs(place).f_flag & os.ST_NOEXEC or shutil.disk_usage(place).free < _ENOUGH:
        return None
    return place


def make(home: Path, settings: Mapping[str, str] = FAST) -> EmbeddedServer:
    """Return a server of the kind in IU_TEST_SERVER, not yet started."""
    if _KIND not in {"stock", "embedded"}:
        raise ValueError(f"IU_TEST_SERVER is {_KIND!r}; it must be stock or embedded")
    kind = StockServer if _KIND == "stock" else EmbeddedServer
    return kind(home, settings={**settings, **ISOLATION})


def prefer_binaries() -> None:
    """Put IU_TEST_PG_BIN first on PATH, also for child processes."""
    if _BIN:
        os.environ["PATH"] = f"{_BIN}{os.pathsep}{os.environ['PATH']}"


def bin_directory() -> Path | None:
    """Return the binaries directory of a stock server, or None to search as the embedded server does."""
    if _BIN:
        return Path(_BIN)
    installed = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    return max(
        (path.parent for path in installed if path.parts[-3].isdigit()),
        key=lambda directory: int(directory.parent.name),
        default=None,
    )


def program(server: EmbeddedServer, name: str) -> Path:
    """Return the path of a PostgreSQL program of the same major version as the data of this server."""
    data = server.home / "postgres" / "data"
    given = bin_directory() if isinstance(server, StockServer) else None
    major = int((data / "PG_VERSION").read_text(encoding="ascii"))
    return binaries.find(given, server_user.find(data), major).directory / name

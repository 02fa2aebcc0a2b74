"""Paths and settings of the embedded cluster in one IU_HOME."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HOST: Final = "127.0.0.1"
"""The only address that the server listens on."""

SUPERUSER: Final = "postgres"
"""The role that initdb creates and that owns the databases."""

DEFAULT_SETTINGS: Final[Mapping[str, str]] = {
    "cluster_name": "iu",
    "jit": "off",
    "listen_addresses": HOST,
    "log_min_error_statement": "panic",
    "log_timezone": "UTC",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "unix_socket_permissions": "0700",
}
"""Server settings, unless the caller overrides them."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Paths and settings of one cluster; all its files are in `<home>/postgres`.

    `pg_bin` is the directory of PostgreSQL's binaries, or None to search for them. `settings` are the server
    settings that the next start uses.
    """

    home: Path
    pg_bin: Path | None
    settings: Mapping[str, str]

    @property
    def root(self) -> Path:
        """The directory of the cluster, its log and its lock file."""
        return self.home / "postgres"

    @property
    def data(self) -> Path:
        """The data directory of PostgreSQL, which also contains `iu.json`."""
        return self.root / "data"

    @property
    def new_data(self) -> Path:
        """The data directory while initdb fills it; renamed to `data` when it is complete."""
        return self.root / "data.new"

    @property
    def lock(self) -> Path:
        """The file that is locked while a process starts or stops the server."""
        return self.root / "lock"

    @property
    def log(self) -> Path:
        """The log of the server."""
        return self.root / "server.log"

    @property
    def pid_file(self) -> Path:
        """PostgreSQL's pid file; a killed server does not remove it."""
        return self.data / "postmaster.pid"

    def major_version(self) -> int:
        """Return the major version of PostgreSQL that created the data."""
        text = (self.data / "PG_VERSION").read_text(encoding="ascii").strip()
        return int(text.partition(".")[0])

"""The embedded PostgreSQL server: one under each IU_HOME, started on demand and shared by all processes.

Its files are in `<home>/postgres`: `data` (the cluster, with the port and password in `iu.json`),
`server.log` and `lock`. The server outlives the process that started it. It listens on the loopback address
and on a Unix socket in a private directory, and always requires a password.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from iu_pipelines.db.embedded import (
    addresses,
    binaries,
    databases,
    initdb,
    locks,
    postmaster,
    record,
    server_errors,
    server_user,
    startup,
)
from iu_pipelines.db.embedded.cluster import DEFAULT_SETTINGS, Cluster

DATABASE: Final = "iu"
"""The database of iu_pipelines."""


class EmbeddedServer:
    """The server of one IU_HOME. Several processes may use, start and stop it at the same time.

    `pg_bin` is the directory of PostgreSQL's binaries; without it PATH and then the wheel are searched.
    `settings` override the default server settings at the next start. Every method raises
    EmbeddedServerError when the operating system or PostgreSQL fails.
    """

    def __init__(
        self, home: Path, *, pg_bin: Path | None = None, settings: Mapping[str, str] | None = None
    ) -> None:
        self.home = home.absolute()
        self._cluster = Cluster(self.home, pg_bin, {**DEFAULT_SETTINGS, **(settings or {})})

    def ensure_running(self) -> str:
        """Start the server unless it runs, create the database `iu` unless it exists, and return its URL."""
        with server_errors.translated(self.home), locks.start_stop_lock(self._cluster):
            if not self._cluster.data.exists():
                initdb.create(self._cluster)
            startup.ensure_accepting(self._cluster)
            return databases.ensure(self._cluster, DATABASE)

    def exists(self) -> bool:
        """Return whether the server was made before. It may be stopped."""
        with server_errors.translated(self.home):
            return self._cluster.data.exists()

    def is_running(self) -> bool:
        """Return whether the server accepts connections, or rejects them because all are in use."""
        with server_errors.translated(self.home):
            if not locks.is_alive(self._cluster):
                return False
            failure = databases.connection_failure(self._cluster)
            return failure is None or failure.code == databases.TOO_MANY_CONNECTIONS

    def url(self, database: str = DATABASE) -> str:
        """Return the URL of a database of this server, even if it does not exist or the server is stopped."""
        with server_errors.translated(self.home):
            return record.read(self._cluster.data).url(database)

    def ensure_database(self, name: str) -> str:
        """Create the database unless it exists, and return its URL. The server must be running or recovering.

        Raises:
            UsageError: the name is not a valid database name.
            ConnectionFailed: the server does not accept connections.
        """
        with server_errors.translated(self.home):
            return databases.ensure(self._cluster, name)

    def programs(self) -> Path:
        """Return the directory of PostgreSQL's programs, such as psql, of the version that made the data."""
        with server_errors.translated(self.home):
            data = self._cluster.data
            found = binaries.find(self._cluster.pg_bin, server_user.find(data), self._cluster.major_version())
            return found.directory

    def stop(self) -> bool:
        """Stop the server and wait until its last process has ended; return False when it was not running."""
        with server_errors.translated(self.home):
            if not self.exists():
                return False
            with locks.start_stop_lock(self._cluster):
                alive = locks.is_alive(self._cluster)
                if alive:
                    postmaster.stop(self._cluster)
                addresses.remove_socket_directory(record.read(self._cluster.data).socket_directory)
                return alive

"""The servers of the benchmark, one for each kind of settings, and the databases of the cases."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, LiteralString

import psycopg

from iu_pipelines.db.embedded import binaries, server_user
from iu_pipelines.db.embedded.cluster import HOST, Cluster
from iu_pipelines.db.embedded.server import EmbeddedServer
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import migration

STOCK: Final = "stock"
"""The defaults of a new cluster, except for its address; jit is on."""
EMBEDDED: Final = "embedded"
"""The settings of the embedded server: jit is off."""
BOTH: Final = (STOCK, EMBEDDED)
_ADDRESS: Final[Mapping[str, str]] = {"listen_addresses": HOST, "unix_socket_permissions": "0700"}
_DEBIAN: Final = Path("/usr/lib/postgresql")
_READ_ALL: Final = """select format('select count(*) from only %s', c.oid::regclass) from pg_class as c
where c.relkind = 'r' and pg_relation_size(c.oid) > 0 and c.relnamespace not in (
    'pg_catalog'::regnamespace, 'information_schema'::regnamespace)"""


class StockServer(EmbeddedServer):
    """An embedded server that sets only its address, and otherwise has the defaults of PostgreSQL."""

    def __init__(self, home: Path, *, pg_bin: Path | None = None) -> None:
        super().__init__(home, pg_bin=pg_bin)
        self._cluster = Cluster(self.home, pg_bin, _ADDRESS)


class BenchServer:
    """A server under `home` with one kind of settings. Cases run in new copies of template databases.

    fsync, full_page_writes and synchronous_commit have the defaults of PostgreSQL, which are on.
    """

    def __init__(self, home: Path, settings: str, pg_bin: Path | None = None) -> None:
        self.home = home / settings
        self.settings = settings
        self._pg_bin = pg_bin
        made = StockServer if settings == STOCK else EmbeddedServer
        self._embedded = made(self.home, pg_bin=pg_bin)
        self._embedded.stop()
        self._embedded.ensure_running()
        self.admin = psycopg.connect(self._embedded.url("postgres"), autocommit=True)

    def stop(self) -> None:
        self.admin.close()
        self._embedded.stop()

    def url(self, database: str) -> str:
        return self._embedded.url(database)

    def connect(self, database: str) -> psycopg.Connection[Any]:
        """Return a connection in autocommit that prepares every statement at its first use."""
        connection = psycopg.connect(self.url(database), autocommit=True)
        connection.prepare_threshold = 0
        return connection

    @property
    def postmaster(self) -> int:
        text = (self.home.absolute() / "postgres" / "data" / "postmaster.pid").read_text(encoding="utf-8")
        return int(text.splitlines()[0])

    def version(self) -> str:
        return str(self.value("show server_version"))

    def value(self, sql: LiteralString, parameters: tuple[Any, ...] = ()) -> Any:
        row = self.admin.execute(sql, parameters).fetchone()
        return None if row is None else row[0]

    def has_extension(self, name: str) -> bool:
        return bool(self.value("select count(*) from pg_available_extensions where name = %s", (name,)))

    def program(self, name: str) -> Path | None:
        """Return the path of a client program, beside the server's or on PATH; None if there is none."""
        user = server_user.find(self.home.absolute() / "postgres" / "data")
        beside = binaries.find(self._pg_bin, user, None).directory / name
        if beside.exists():
            return beside
        found = shutil.which(name)
        return Path(found) if found else None

    def template(self, name: str, fill: Callable[[str], None]) -> str:
        """Create and fill the database `name`, unless it exists, and return its name."""
        if not self.value("select count(*) from pg_database where datname = %s", (name,)):
            self.admin.execute(f'drop database if exists "{name}_new" with (force)')
            self.admin.execute(f'create database "{name}_new"')
            fill(f"{name}_new")
            self.admin.execute(f'alter database "{name}_new" rename to "{name}"')
        return name

    def fresh(self, name: str, template: str) -> str:
        """Create the database `name` as a copy of `template`, and return its name.

        A checkpoint writes its pages, so that no case pays for those of another. Its tables are read once,
        because waiting events were just emitted and therefore are in memory.
        """
        self.admin.execute(f'drop database if exists "{name}" with (force)')
        self.admin.execute(f'create database "{name}" template "{template}"')
        self.admin.execute("checkpoint")
        with self.connect(name) as connection:
            for (count,) in connection.execute(_READ_ALL).fetchall():
                connection.execute(count)
        return name

    def forget(self, prefix: str) -> None:
        """Drop the databases whose names begin with `prefix`."""
        rows = self.admin.execute("select datname from pg_database where starts_with(datname, %s)", (prefix,))
        for (name,) in rows.fetchall():
            self.admin.execute(f'drop database "{name}" with (force)')


def newest_pg_bin() -> Path | None:
    """Return the directory of the programs of the newest PostgreSQL from Debian's packages, if any."""
    found = [path for path in _DEBIAN.glob("*/bin") if (path / "initdb").exists()]
    return max(found, key=lambda path: float(path.parent.name), default=None)


@contextmanager
def started(home: Path, settings: tuple[str, ...], pg_bin: Path | None) -> Iterator[dict[str, BenchServer]]:
    """Run a server for each kind of settings, with the same programs; stop them at the end."""
    home.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        servers = {}
        for name in settings:
            (home / name).mkdir(exist_ok=True)
            servers[name] = BenchServer(home, name, pg_bin)
            stack.callback(servers[name].stop)
        yield servers


def install(server: BenchServer, database: str, *modules: str) -> None:
    """Install the schema, with `modules` besides the core."""
    with Gateway(server.url(database)) as gateway:
        migration.apply(gateway, modules)

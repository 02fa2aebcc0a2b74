"""The gateway: the one place that talks to the driver, and that turns its errors into ours.

A `Gateway` owns a small pool. Its own four methods are one transaction each; `transaction()` puts several
into one; `run_script()` sends a file of SQL as it stands. Rows are dicts, json becomes Python, uuid `UUID`.
A dict given as a parameter is sent as jsonb, a list as an array.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

import psycopg
import stamina
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import JsonbDumper
from psycopg_pool import ConnectionPool, PoolTimeout

from iu_pipelines.errors import (
    ArgumentInvalid,
    ConnectionFailed,
    IuError,
    Notice,
    ServerTooOld,
    StatementFailed,
    Unavailable,
    UsageError,
    from_sqlstate,
    redact,
)

OLDEST_SERVER: Final = 140_000
"""The oldest server that is supported, as PostgreSQL's `server_version_num`."""

Params = Sequence[Any] | Mapping[str, Any]
"""Values for `%s` or `%(name)s`. Without any, the statement is sent as it stands."""

_Connection = psycopg.Connection[DictRow]

_CONNECT_SECONDS: Final = 5
_RETRY_SECONDS: Final = 10.0
_POOL_SECONDS: Final = 5.0


class Session:
    """One open transaction. Made by `Gateway.transaction()`.

    `notices` grows with what the server reports. Every method raises an IuError.
    """

    def __init__(self, connection: _Connection, notices: list[Notice]) -> None:
        self._connection = connection
        self.notices = notices

    def fetch_value(self, sql: str, params: Params = ()) -> Any:
        """The first column of the first row, or None."""
        row = self.fetch_one(sql, params)
        return next(iter(row.values())) if row else None

    def fetch_one(self, sql: str, params: Params = ()) -> dict[str, Any] | None:
        """The first row, or None."""
        with _mapped(self.notices, sql):
            return self._run(sql, params).fetchone()

    def fetch_all(self, sql: str, params: Params = ()) -> list[dict[str, Any]]:
        """All rows."""
        with _mapped(self.notices, sql):
            return self._run(sql, params).fetchall()

    def execute(self, sql: str, params: Params = ()) -> int:
        """The number of rows that were touched. Without params, `sql` may be several statements."""
        with _mapped(self.notices, sql):
            return self._run(sql, params).rowcount

    def copy_rows(self, sql: str, rows: Iterable[Sequence[Any]]) -> int:
        """Stream `rows` into a `copy … from stdin` and return how many arrived."""
        with _mapped(self.notices, sql), self._connection.cursor() as cursor:
            with cursor.copy(sql.encode()) as copy:
                for row in rows:
                    copy.write_row(row)
            return cursor.rowcount

    def _run(self, sql: str, params: Params) -> psycopg.Cursor[DictRow]:
        return self._connection.execute(sql.encode(), params or None)


class Gateway:
    """A lazily opened pool of connections to one database.

    `role` is taken on by `SET ROLE`. Nothing is connected before the first call. A call is tried again only
    while no connection could be had, for at most 10 seconds, and never once a statement was sent.
    """

    def __init__(
        self, url: str, *, application_name: str = "iu", role: str | None = None, max_size: int = 4
    ) -> None:
        self.url = url
        self._conninfo = _conninfo(url, application_name, role)
        self._max_size = max_size
        self._pool: ConnectionPool[_Connection] | None = None
        self._lock = threading.Lock()
        self._version = 0

    def __repr__(self) -> str:
        return f"Gateway({redact(self.url)!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def fetch_value(self, sql: str, params: Params = ()) -> Any:
        """The first column of the first row, or None."""
        with self._session() as session:
            return session.fetch_value(sql, params)

    def fetch_one(self, sql: str, params: Params = ()) -> dict[str, Any] | None:
        """The first row, or None."""
        with self._session() as session:
            return session.fetch_one(sql, params)

    def fetch_all(self, sql: str, params: Params = ()) -> list[dict[str, Any]]:
        """All rows."""
        with self._session() as session:
            return session.fetch_all(sql, params)

    def execute(self, sql: str, params: Params = ()) -> int:
        """The number of rows that were touched."""
        with self._session() as session:
            return session.execute(sql, params)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """One transaction: committed at the end of the block, rolled back when the block raises."""
        with self._session() as session, _mapped(session.notices), session._connection.transaction():
            yield session

    def run_script(self, text: str) -> list[Notice]:
        """Send a script in one piece over a connection of its own, and return its notices.

        The script is one transaction, unless it holds its own `begin`. An error carries the notices so far.
        """
        notices: list[Notice] = []
        self.server_version()
        with self._dial() as connection, _collected(connection, notices), _mapped(notices, text):
            connection.execute(text.encode())
        return notices

    def server_version(self) -> int:
        """PostgreSQL's `server_version_num`, such as 180004. Raises ServerTooOld below 14."""
        self._opened()
        return self._version

    def close(self) -> None:
        """Close every connection. A later call opens the pool again."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool:
            pool.close()

    @contextmanager
    def _session(self) -> Iterator[Session]:
        notices: list[Notice] = []
        with self._acquired() as connection, _collected(connection, notices):
            yield Session(connection, notices)

    @contextmanager
    def _acquired(self) -> Iterator[_Connection]:
        pool = self._opened()
        try:
            connection = pool.getconn()
        except PoolTimeout:
            self._dial().close()
            raise Unavailable(
                f"all {self._max_size} connections to {redact(self.url)} are in use",
                hint="wait for the other calls to end, or allow more connections",
            ) from None
        try:
            yield connection
        finally:
            pool.putconn(connection)

    def _opened(self) -> ConnectionPool[_Connection]:
        with self._lock:
            if not self._pool:
                with self._dial() as connection:
                    self._version = _supported(connection, self.url)
                self._pool = self._new_pool()
            return self._pool

    def _new_pool(self) -> ConnectionPool[_Connection]:
        return ConnectionPool(
            self._conninfo,
            connection_class=_Connection,
            kwargs={"autocommit": True, "row_factory": dict_row},
            min_size=0,
            max_size=self._max_size,
            open=True,
            configure=_configure,
            check=ConnectionPool.check_connection,
            timeout=_POOL_SECONDS,
            reconnect_timeout=_POOL_SECONDS,
            num_workers=1,
        )

    def _dial(self) -> _Connection:
        """A connection beside the pool, which says at once why there is none."""
        _quiet_drivers()
        for attempt in stamina.retry_context(on=is_starting, attempts=None, timeout=_RETRY_SECONDS):
            with attempt:
                return _connect(self._conninfo, self.url)
        raise AssertionError("unreachable: the last attempt returns or raises")


def probe(url: str) -> int:
    """The `server_version_num` of the server behind `url`, asked once; ConnectionFailed says why not."""
    with _connect(_conninfo(url, "iu probe", None), url) as connection:
        return connection.info.server_version


def _connect(conninfo: str, url: str) -> _Connection:
    try:
        connection = psycopg.connect(conninfo, autocommit=True, row_factory=dict_row)
    except psycopg.Error as error:
        raise _unreachable(str(error), url) from None
    _configure(connection)
    return connection


def _configure(connection: _Connection) -> None:
    connection.adapters.register_dumper(dict, JsonbDumper)


def _conninfo(url: str, application_name: str, role: str | None) -> str:
    _check_scheme(url)
    try:
        given = conninfo_to_dict(url)
    except psycopg.Error:
        raise UsageError(
            f"the database URL {redact(url)} cannot be read",
            hint="write it as postgresql://user:password@host:5432/database; "
            "in a password % is %25, / is %2F, : is %3A and @ is %40",
        ) from None
    ours: dict[str, Any] = {"application_name": application_name, "connect_timeout": _CONNECT_SECONDS}
    if role:
        escaped = re.sub(r"([\\ ])", r"\\\1", role)
        given["options"] = f"{given.get('options') or ''} -c role={escaped}".strip()
    return make_conninfo(**{**ours, **given})


def _check_scheme(url: str) -> None:
    scheme, separator, rest = url.partition("://")
    if separator and scheme in ("postgresql", "postgres"):
        return
    hint = "give a PostgreSQL URL such as postgresql://user@localhost:5432/database"
    if separator and scheme.startswith("postgresql+"):
        hint = f"leave the driver out: {redact(f'postgresql://{rest}')}"
    raise UsageError(f"the database URL {redact(url)!r} does not begin with postgresql://", hint=hint)


def _supported(connection: _Connection, url: str) -> int:
    version = connection.info.server_version
    if version < OLDEST_SERVER:
        raise ServerTooOld(
            f"the server at {redact(url)} is PostgreSQL {version // 10_000}; 14 is the oldest supported",
            hint="upgrade the server, or leave out the database URL to use the embedded one",
        )
    return version


@dataclass(frozen=True, slots=True)
class _Reason:
    """Why there is no connection: libpq gives words and no SQLSTATE, so the words are matched."""

    pattern: str
    code: str
    sentence: str
    hint: str


_STARTING: Final = "57P03"
_HUNG_UP: Final = "08006"

_REASONS: Final = (
    _Reason(
        r"resolve host|translate host name",
        "08001",
        "the host name is unknown",
        "check the spelling of the host in the URL",
    ),
    _Reason(
        r"Connection refused|No such file or directory",
        "08001",
        "nothing listens at this host and port",
        "start the server, or check the host and the port in the URL",
    ),
    _Reason(
        r"password authentication failed|no password supplied|authentication failed",
        "28P01",
        "the server refused the user or the password",
        "check the user and the password in the URL",
    ),
    _Reason(
        r'role "[^"]*" does not exist',
        "28000",
        "there is no such role on the server",
        "check the user in the URL, or create the role",
    ),
    _Reason(
        r'database "[^"]*" does not exist',
        "3D000",
        "there is no such database on the server",
        "create it (createdb NAME), or check the name at the end of the URL",
    ),
    _Reason(
        r"timeout|timed out",
        "08001",
        "the server did not answer in time",
        "check the host and the port in the URL, and the firewalls on the way",
    ),
    _Reason(
        r"starting up|not yet accepting|shutting down|recovery mode",
        _STARTING,
        "the server is starting or stopping",
        "try again in a moment",
    ),
    _Reason(
        r"server closed the connection unexpectedly|Connection reset by peer",
        _HUNG_UP,
        "the server hung up before it answered",
        "it may be recovering from a kill: try again in a moment, and see the server's own log",
    ),
    _Reason(
        r"too many (clients|connections)|connection slots are reserved",
        "53300",
        "the server has no free connection",
        "close other clients, or raise max_connections on the server",
    ),
    _Reason(
        r"no pg_hba\.conf entry",
        "28000",
        "the server does not let this client in",
        "add the client to pg_hba.conf, or ask for sslmode=require in the URL",
    ),
    _Reason(
        r"invalid port number|invalid integer value",
        "08001",
        "the port is not a number from 1 to 65535",
        "correct the port in the URL",
    ),
)


def _unreachable(words: str, url: str) -> ConnectionFailed:
    where = f"cannot connect to {redact(url)}"
    for reason in _REASONS:
        if re.search(reason.pattern, words):
            return ConnectionFailed(f"{where}: {reason.sentence}", hint=reason.hint, code=reason.code)
    said = " ".join(redact(words).split())
    return ConnectionFailed(f"{where}: {said}", hint="check the URL, and the server's own log", code="08001")


def is_starting(error: Exception) -> bool:
    """Whether the server was starting, stopping or recovering: it may be asked again."""
    return isinstance(error, ConnectionFailed) and error.code in {_STARTING, _HUNG_UP}


@contextmanager
def _collected(connection: _Connection, notices: list[Notice]) -> Iterator[None]:
    def collect(diagnostic: psycopg.errors.Diagnostic) -> None:
        severity = diagnostic.severity_nonlocalized or diagnostic.severity or "NOTICE"
        notices.append(Notice(severity, diagnostic.message_primary or ""))

    connection.add_notice_handler(collect)
    try:
        yield
    finally:
        connection.remove_notice_handler(collect)


@contextmanager
def _mapped(notices: Sequence[Notice], sql: str = "") -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        ours = _translated(error, sql)
        ours.notices = tuple(notices)
        raise ours from error
    except UnicodeEncodeError as error:
        raise _unfit(f"a text holds {error.object[error.start]!a}, which is half a character") from error


def _unfit(words: str) -> IuError:
    return ArgumentInvalid(words, hint="send text in Unicode without NUL: PostgreSQL can keep nothing else")


def _translated(error: psycopg.Error, sql: str) -> IuError:
    diagnostic = error.diag
    if error.sqlstate:
        message = diagnostic.message_primary or str(error)
        detail = f" ({diagnostic.message_detail})" if diagnostic.message_detail else ""
        return from_sqlstate(
            error.sqlstate, f"{message}{detail}{_line(sql, diagnostic)}", diagnostic.message_hint
        )
    words = " ".join(str(error).split())
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return ConnectionFailed(
            f"the connection to the server was lost: {words}",
            hint="it is unknown whether the last statement took effect: look before you repeat it",
        )
    if isinstance(error, psycopg.DataError):
        return _unfit(words)
    return StatementFailed(words)


def _line(sql: str, diagnostic: psycopg.errors.Diagnostic) -> str:
    """Where in a text of several lines the server found the mistake."""
    position = int(diagnostic.statement_position or 0)
    if not position or "\n" not in sql.strip():
        return ""
    return f" at line {sql.count(chr(10), 0, position - 1) + 1}"


def _quiet_drivers() -> None:
    """What the driver logs reaches the application's own handlers, and no longer a bare stderr."""
    for name in ("psycopg", "stamina"):
        logger = logging.getLogger(name)
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())

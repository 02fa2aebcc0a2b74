"""The gateway: the only module that calls psycopg; it translates psycopg's errors into IuError.

A `Gateway` owns a small pool of connections. Each of its four query methods runs one transaction;
`transaction()` groups several calls into one; `run_script()` sends a file of SQL. Rows are dicts; json values
are Python objects, uuid values are `UUID`. A dict parameter is sent as jsonb, a list as an array.

Every transaction is read committed, whatever the default of the server, the database or the role is: a
startup option sets the level. If a pooler refuses or drops startup options and the default is another level,
each transaction sets the level itself (decision 042).
"""

from __future__ import annotations

import logging
import math
import os
import re
import socket
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

import psycopg
import stamina
from psycopg import IsolationLevel
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import Conninfo
from psycopg.rows import DictRow, dict_row, tuple_row
from psycopg.types.json import JsonbDumper
from psycopg_pool import ConnectionPool, PoolTimeout

from iu_pipelines.db import locks, passwords
from iu_pipelines.db.connection_errors import connection_failed, is_transient
from iu_pipelines.errors import (
    ArgumentInvalid,
    ConnectionFailed,
    IuError,
    Notice,
    PermissionDenied,
    ServerTooOld,
    StatementFailed,
    Unavailable,
    UsageError,
    from_sqlstate,
    name_login,
    redact,
)

OLDEST_SERVER: Final = 140_000
"""The oldest supported server, as PostgreSQL's `server_version_num`."""

Params = Sequence[Any] | Mapping[str, Any]
"""Values for `%s` or `%(name)s`. Without values, the statement is sent unchanged."""

_Connection = psycopg.Connection[DictRow]

_STARTUP_OPTIONS: Final = r"-c default_transaction_isolation=read\ committed -c row_security=off"
_OPTIONS_REFUSED: Final = re.compile(r"startup parameter|command-line options")
_OUTSIDE_A_TRANSACTION: Final = re.compile(r"\s*create database\b", re.IGNORECASE)
_READ_COMMITTED: Final = "set transaction isolation level read committed; "
_ONE_SNAPSHOT: Final = "set transaction isolation level repeatable read, read only"

_CONNECT_SECONDS: Final = 5
_RETRY_SECONDS: Final = 10.0
_POOL_SECONDS: Final = 5.0


class Session:
    """One open transaction, created by `Gateway.transaction()`.

    `notices` collects the notices of the server. Every method raises IuError when its statement fails.
    """

    def __init__(self, connection: _Connection, notices: list[Notice]) -> None:
        self._connection = connection
        self.notices = notices

    def fetch_value(self, sql: str, params: Params = ()) -> Any:
        """Return the first column of the first row, or None when there is no row."""
        row = self.fetch_one(sql, params)
        return next(iter(row.values())) if row else None

    def fetch_one(self, sql: str, params: Params = ()) -> dict[str, Any] | None:
        """Return the first row, or None when there is none."""
        with _translated(self.notices, sql):
            return self._run(sql, params).fetchone()

    def fetch_all(self, sql: str, params: Params = ()) -> list[dict[str, Any]]:
        """Return all rows."""
        with _translated(self.notices, sql):
            return self._run(sql, params).fetchall()

    def execute(self, sql: str, params: Params = ()) -> int:
        """Run a statement and return the number of affected rows.

        Without params, `sql` may contain several statements.
        """
        with _translated(self.notices, sql):
            return self._run(sql, params).rowcount

    def copy_rows(self, sql: str, rows: Iterable[Sequence[Any]]) -> int:
        """Stream `rows` into a `copy … from stdin` and return the number of copied rows."""
        with _translated(self.notices, sql), self._connection.cursor() as cursor:
            with cursor.copy(sql.encode()) as copy:
                for row in rows:
                    copy.write_row(row)
            return cursor.rowcount

    def stream(self, sql: str, params: Params, size: int) -> Iterator[list[tuple[Any, ...]]]:
        """Yield the rows of a query as lists of at most `size` tuples, read by a cursor of the server."""
        cursor = self._connection.cursor(name="iu_stream", row_factory=tuple_row)
        with _translated(self.notices, sql), cursor:
            cursor.execute(sql.encode(), params or None)
            while page := cursor.fetchmany(size):
                yield page

    def _run(self, sql: str, params: Params) -> psycopg.Cursor[DictRow]:
        return self._connection.execute(sql.encode(), params or None)


class Gateway:
    """A pool of connections to one database, opened by the first call.

    `role` is the role of every connection, as with `set role`. A connection attempt is retried for at most 10
    seconds while the server is starting, stopping or recovering. A statement is never sent twice. With
    `lock_seconds`, a statement that waits longer for a lock is cancelled, unless the URL sets `lock_timeout`
    or a pooler drops startup options; the error names who holds the lock. With `idle_seconds`, the server
    ends a session whose transaction waits longer for this process, so that a frozen process holds no lock for
    long, and both ends give up a connection on which the other has been silent for twice as long (decision
    083). Without `retries`, a connection is attempted once.
    """

    def __init__(
        self,
        url: str,
        *,
        application_name: str = "iu",
        role: str | None = None,
        max_size: int = 4,
        lock_seconds: int | None = None,
        idle_seconds: int | None = None,
        retries: bool = True,
    ) -> None:
        self.url = url
        self._attempts = None if retries else 1
        self._target = _Target(url, application_name, role, lock_seconds, idle_seconds)
        self._explains_locks = lock_seconds is not None
        self._must_set_level = False
        self._max_size = max_size
        self._pool: ConnectionPool[_Connection] | None = None
        self._lock = threading.Lock()
        self._in_use = 0
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
        """Return the first column of the first row, or None when there is no row."""
        with self._session() as session:
            return session.fetch_value(sql, params)

    def fetch_one(self, sql: str, params: Params = ()) -> dict[str, Any] | None:
        """Return the first row, or None when there is none."""
        with self._session() as session:
            return session.fetch_one(sql, params)

    def fetch_all(self, sql: str, params: Params = ()) -> list[dict[str, Any]]:
        """Return all rows."""
        with self._session() as session:
            return session.fetch_all(sql, params)

    def execute(self, sql: str, params: Params = ()) -> int:
        """Run a statement and return the number of affected rows."""
        with self._session(sql) as session:
            return session.execute(sql, params)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Open a transaction: commit it at the end of the block, roll it back when the block raises."""
        with self._acquired() as (connection, notices), _translated(notices), connection.transaction():
            yield Session(connection, notices)

    @contextmanager
    def snapshot(self) -> Iterator[Session]:
        """Open a read-only transaction in which every statement sees the same snapshot.

        The server refuses to change a table or a sequence in it. It holds back vacuum as long as it lasts.
        """
        with self.transaction() as session:
            session.execute(_ONE_SNAPSHOT)
            yield session

    def run_script(self, text: str) -> list[Notice]:
        """Send a script as one simple query over a new connection, and return its notices.

        The script is one transaction, unless it contains `begin`. An error has the notices before it.
        """
        notices: list[Notice] = []
        self.server_version()
        prefix = _READ_COMMITTED if self._sets_level(text) else ""
        with self._connected() as connection, _collected(connection, notices), _translated(notices, text):
            connection.execute(f"{prefix}{text}".encode())
        return notices

    def server_version(self) -> int:
        """Return PostgreSQL's `server_version_num`, such as 180004.

        Raises:
            ServerTooOld: the server is older than PostgreSQL 14.
        """
        self._opened()
        return self._version

    def close(self) -> None:
        """Close every connection. The next call opens the pool again."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool:
            pool.close()

    @contextmanager
    def _session(self, sql: str = "") -> Iterator[Session]:
        with self._acquired() as (connection, notices):
            if self._sets_level(sql):
                with _translated(notices), connection.transaction():
                    yield Session(connection, notices)
            else:
                yield Session(connection, notices)

    def _sets_level(self, sql: str) -> bool:
        """Return whether the transaction must set read committed because the startup option had no effect."""
        return self._must_set_level and not _OUTSIDE_A_TRANSACTION.match(sql)

    @contextmanager
    def _acquired(self) -> Iterator[tuple[_Connection, list[Notice]]]:
        notices: list[Notice] = []
        pool = self._opened()
        connection, is_pooled = self._taken(pool)
        try:
            with self._named(connection, notices), _collected(connection, notices):
                yield connection, notices
        finally:
            with self._lock:
                self._in_use -= 1
            if is_pooled:
                pool.putconn(connection)
            else:
                connection.close()

    @contextmanager
    def _named(self, connection: _Connection, notices: list[Notice]) -> Iterator[None]:
        """Name the login that lacks a privilege, and who holds a lock, in errors of the block."""
        try:
            yield
        except PermissionDenied as error:
            name_login(error, connection.info.user)
            raise
        except Unavailable as error:
            if self._explains_locks and error.code == locks.NOT_AVAILABLE:
                with suppress(IuError):
                    locks.explain(error, Session(connection, notices).fetch_all)
            raise

    def _taken(self, pool: ConnectionPool[_Connection]) -> tuple[_Connection, bool]:
        """Return a connection, and whether it is one of the pool.

        After an outage the pool waits longer and longer before it tries to connect again, so a call may not
        get a connection although the server answers and none is in use. That call gets one of its own.
        """
        is_pooled = True
        try:
            connection = pool.getconn()
        except PoolTimeout:
            connection, is_pooled = self._connected(), False
        with self._lock:
            if is_pooled or self._in_use < self._max_size:
                self._in_use += 1
                return connection, is_pooled
        connection.close()
        raise Unavailable(
            f"all {self._max_size} connections to {redact(self.url)} are in use",
            hint="Wait for the other calls to end, or allow more connections.",
        )

    def _opened(self) -> ConnectionPool[_Connection]:
        with self._lock:
            if not self._pool:
                with self._connected() as connection, _translated(()):
                    self._version = _supported(connection, self.url)
                    self._must_set_level = _has_other_default_level(connection)
                self._pool = self._new_pool()
            return self._pool

    def _new_pool(self) -> ConnectionPool[_Connection]:
        return ConnectionPool(
            self._target.conninfo,
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

    def _connected(self) -> _Connection:
        """Open a connection outside the pool, which raises the reason of a failure at once."""
        _silence_driver_logs()
        for attempt in stamina.retry_context(
            on=is_transient, attempts=self._attempts, timeout=_RETRY_SECONDS
        ):
            with attempt:
                return _connect(self._target)
        raise AssertionError("unreachable: the last attempt returns or raises")


class BoundedGateway(Gateway):
    """A gateway for a question that must be answered in time: one connection, without a pool.

    A connection attempt and each statement take at most `seconds`, and a wait for a lock one second less.
    These limits are the server's and the driver's. `abort` ends a call that neither of them ends.
    """

    def __init__(self, url: str, *, seconds: float, application_name: str = "iu") -> None:
        lock_seconds = max(1, int(seconds) - 1)
        super().__init__(
            url, application_name=application_name, max_size=1, lock_seconds=lock_seconds, retries=False
        )
        self._target = _Target(url, application_name, None, lock_seconds, seconds=seconds)
        self._only: _Connection | None = None
        self._is_aborted = False

    def server_version(self) -> int:
        """Return PostgreSQL's `server_version_num`, such as 180004. Raises ServerTooOld."""
        self._connection()
        return self._version

    def close(self) -> None:
        """Close the connection."""
        connection, self._only = self._only, None
        if connection:
            connection.close()

    def abort(self) -> None:
        """End the call that waits for the server, from another thread: it raises ConnectionFailed.

        A call that is connecting ends when the attempt does. Every later call fails too.
        """
        self._is_aborted = True
        connection = self._only
        if connection:
            with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as own:
                own.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def _acquired(self) -> Iterator[tuple[_Connection, list[Notice]]]:
        notices: list[Notice] = []
        connection = self._connection()
        with self._named(connection, notices), _collected(connection, notices):
            yield connection, notices

    def _connection(self) -> _Connection:
        is_new = self._only is None
        connection = self._only = self._only or self._connected()
        if self._is_aborted:  # also while it connected: then nobody ends a call that begins now
            raise ConnectionFailed(f"the call to {redact(self.url)} was aborted")
        if is_new:
            with _translated(()):
                self._version = _supported(connection, self.url)
                self._must_set_level = _has_other_default_level(connection)
        return connection


def probe(url: str) -> int:
    """Connect once and return the server's `server_version_num`.

    Raises:
        ConnectionFailed: the server did not accept the connection.
    """
    with _connect(_Target(url, "iu probe", None)) as connection:
        return connection.info.server_version


@dataclass(frozen=True, slots=True)
class PlainAnswer:
    """The rows of a statement. `is_pooled` is whether a pooler such as PgBouncer answered, not the server."""

    rows: list[dict[str, Any]]
    is_pooled: bool


def fetch_plain(url: str, sql: str, params: Params = ()) -> PlainAnswer:
    """Run one statement over a new connection that sends no startup options of iu.

    Its settings are therefore those that another client of the same login gets. A pooler answers with a
    process id of its own instead of that of the server process.
    """
    target = _Target(url, "iu", None)
    target.leave_out_options()
    with _connect(target) as connection, _translated(()):
        rows = connection.execute(sql.encode(), params or None).fetchall()
        pid = connection.execute("select pg_backend_pid() as pid").fetchall()
        return PlainAnswer(rows, pid != [{"pid": connection.info.backend_pid}])


def libpq_environment(url: str) -> dict[str, str]:
    """Return the variables from which libpq reads the options of a URL: PGHOST, PGPASSWORD and others.

    An option that has no variable is left out.

    Raises:
        UsageError: the URL is invalid.
    """
    options = Conninfo.parse(_conninfo(url, {}, None, "").encode())
    return {option.envvar.decode(): option.val.decode() for option in options if option.envvar and option.val}


class _Target:
    """The connection string of a gateway, with startup options unless a pooler has refused them."""

    def __init__(
        self,
        url: str,
        application_name: str,
        role: str | None,
        lock_seconds: int | None = None,
        idle_seconds: int | None = None,
        seconds: float | None = None,
    ) -> None:
        self.url = url
        weak = [] if lock_seconds is None else [f"-c lock_timeout={lock_seconds}s"]
        defaults: dict[str, Any] = {"application_name": application_name, "connect_timeout": _CONNECT_SECONDS}
        if idle_seconds is not None:
            weak.append(f"-c idle_in_transaction_session_timeout={idle_seconds}s")
            weak.append(f"-c tcp_user_timeout={2 * idle_seconds}s")
            defaults |= _silence(idle_seconds)
        strong = _STARTUP_OPTIONS
        if seconds is not None:
            strong = f"{strong} -c statement_timeout={math.ceil(seconds * 1000)} {' '.join(weak)}"
        self.conninfo = _conninfo(url, defaults, role, strong, " ".join(weak), seconds)
        self._without_options = _conninfo(url, defaults, role, "", "", seconds)

    def leave_out_options(self) -> bool:
        """Remove the startup options; return false if they were removed before."""
        if self.conninfo == self._without_options:
            return False
        self.conninfo = self._without_options
        return True


def _connect(target: _Target) -> _Connection:
    try:
        connection = psycopg.connect(target.conninfo, autocommit=True, row_factory=dict_row)
    except psycopg.Error as error:
        if _OPTIONS_REFUSED.search(str(error)) and target.leave_out_options():
            return _connect(target)
        raise connection_failed(str(error), target.url, _options(error)) from None
    _configure(connection)
    return connection


def _options(error: psycopg.Error) -> dict[str, str]:
    """Return the options of a failed connection attempt with which libpq searched a password file."""
    found = error.pgconn.info if error.pgconn else []
    given = {one.keyword.decode(): one.val.decode() for one in found if one.val}
    return {name: given[name] for name in passwords.OPTIONS if name in given}


def _configure(connection: _Connection) -> None:
    connection.adapters.register_dumper(dict, JsonbDumper)
    connection.isolation_level = IsolationLevel.READ_COMMITTED


def _has_other_default_level(connection: _Connection) -> bool:
    row = connection.execute("select current_setting('default_transaction_isolation') as level").fetchone()
    return row is None or row["level"] != "read committed"


def _silence(seconds: int) -> dict[str, int]:
    """Return the parameters of libpq that end a connection after `seconds` times two without a sign of life.

    They end a statement that takes long only if the host of the server is silent too.
    """
    return {
        "tcp_user_timeout": 2000 * seconds,
        "keepalives_idle": seconds,
        "keepalives_interval": max(1, seconds // 2),
        "keepalives_count": 2,
    }


def _conninfo(
    url: str,
    defaults: Mapping[str, Any],
    role: str | None,
    options: str,
    weak_options: str = "",
    seconds: float | None = None,
) -> str:
    """Return the connection string. The URL overrides `defaults` and the weak options, not the others.

    `seconds` limits a connection attempt, whatever the URL says, but libpq waits for two at least.
    """
    _check_scheme(url)
    try:
        given = conninfo_to_dict(url)
    except psycopg.Error:
        raise UsageError(
            f"the database URL {redact(url)} is invalid",
            hint="Write it as postgresql://user:password@host:5432/database; "
            "in a password % is %25, / is %2F, : is %3A and @ is %40; in a value after ? also = is %3D and & "
            "is %26, as in ?options=-c%20jit%3Doff.",
        ) from None
    if seconds is not None:
        given["connect_timeout"] = max(2, math.ceil(seconds))
    if role:
        escaped = re.sub(r"([\\ ])", r"\\\1", role)
        options = f"{options} -c role={escaped}"
    if options:
        given["options"] = f"{weak_options} {given.get('options') or ''} {options}".strip()
    return make_conninfo(**{**defaults, **given})


def _check_scheme(url: str) -> None:
    scheme, separator, rest = url.partition("://")
    if separator and scheme in ("postgresql", "postgres"):
        return
    hint = "Use a PostgreSQL URL such as postgresql://user@localhost:5432/database."
    if separator and scheme.startswith("postgresql+"):
        hint = f"Use {redact(f'postgresql://{rest}')} and leave the driver out."
    raise UsageError(f"the database URL {redact(url)!r} does not begin with postgresql://", hint=hint)


def _supported(connection: _Connection, url: str) -> int:
    version = connection.info.server_version
    if version < OLDEST_SERVER:
        raise ServerTooOld(
            f"the server at {redact(url)} is PostgreSQL {version // 10_000}; version 14 or newer is needed",
            hint="Upgrade the server, or omit the database URL to use the embedded server.",
        )
    return version


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
def _translated(notices: Sequence[Notice], sql: str = "") -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        translated = _from_driver(error, sql)
        translated.notices = tuple(notices)
        raise translated from error
    except UnicodeEncodeError as error:
        surrogate = ascii(error.object[error.start])
        raise _invalid_text(f"a text contains the unpaired surrogate {surrogate}") from error


def _invalid_text(message: str) -> IuError:
    return ArgumentInvalid(message, hint="Send Unicode text without NUL characters.")


def _from_driver(error: psycopg.Error, sql: str) -> IuError:
    diagnostic = error.diag
    if error.sqlstate:
        message = diagnostic.message_primary or str(error)
        detail = f" ({diagnostic.message_detail})" if diagnostic.message_detail else ""
        return from_sqlstate(
            error.sqlstate, f"{message}{detail}{_line(sql, diagnostic)}", diagnostic.message_hint
        )
    text = " ".join(str(error).split())
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return ConnectionFailed(
            f"the connection to the server was lost: {text}",
            hint="It is unknown whether the last statement took effect. Check before you repeat it.",
        )
    if isinstance(error, psycopg.DataError):
        return _invalid_text(text)
    return StatementFailed(text)


def _line(sql: str, diagnostic: psycopg.errors.Diagnostic) -> str:
    """Return the line number of the error, if `sql` has several lines."""
    position = int(diagnostic.statement_position or 0)
    if not position or "\n" not in sql.strip():
        return ""
    return f" at line {sql.count(chr(10), 0, position - 1) + 1}"


def _silence_driver_logs() -> None:
    """Add a null handler to the loggers of the driver, so that they do not write to stderr by default."""
    for name in ("psycopg", "stamina"):
        logger = logging.getLogger(name)
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())

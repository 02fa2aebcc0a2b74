"""The connection of a caller: psycopg 3, psycopg2, SQLAlchemy or Django, recognised without importing them.

The caller owns the connection. Nothing here opens one, commits, rolls back or changes a setting.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from iu_pipelines.errors import UsageError

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.utils.connection import ConnectionProxy
    from psycopg import AsyncConnection, AsyncCursor, Connection, Cursor
    from psycopg2.extensions import connection as Psycopg2Connection  # noqa: N812
    from sqlalchemy.engine import Connection as AlchemyConnection
    from sqlalchemy.ext.asyncio import AsyncConnection as AlchemyAsyncConnection
    from sqlalchemy.ext.asyncio import AsyncSession, async_scoped_session
    from sqlalchemy.orm import Session, scoped_session

    CallersConnection: TypeAlias = (
        Connection[Any]
        | Cursor[Any]
        | Psycopg2Connection
        | AlchemyConnection
        | Session
        | scoped_session[Any]
        | BaseDatabaseWrapper
        | ConnectionProxy
    )
    CallersAsyncConnection: TypeAlias = (
        AsyncConnection[Any]
        | AsyncCursor[Any]
        | AlchemyAsyncConnection
        | AsyncSession
        | async_scoped_session[Any]
    )

Row: TypeAlias = tuple[Any, ...]
Parameters: TypeAlias = Mapping[str, Any]

_ACCEPTED: Final = (
    "Give a connection or cursor of psycopg, a connection of psycopg2, a Connection or Session of "
    "SQLAlchemy, or django.db.connection, to a PostgreSQL database."
)
_ACCEPTED_ASYNC: Final = (
    "Give an AsyncConnection or AsyncCursor of psycopg, or an AsyncConnection or AsyncSession of SQLAlchemy, "
    "to a PostgreSQL database."
)
_PLACEHOLDER: Final = re.compile(r"%\((\w+)\)s")


def fetch(connection: CallersConnection, statement: str, parameters: Parameters) -> list[Row]:
    """Run one statement on the connection and return its rows; a statement that is no `select` has none.

    Placeholders are `%(name)s`. An error of the driver, SQLAlchemy or Django is raised unchanged.

    Raises:
        UsageError: the object is no connection to PostgreSQL, or an asynchronous one.
    """
    for accepts, run in _KINDS:
        if accepts(connection):
            return run(connection, statement, parameters)
    if _is_async(connection):
        raise _unsupported(connection, "asynchronous", "Await the function of the same name with _async.")
    raise _unsupported(connection, "no connection that can be used", _ACCEPTED)


async def fetch_async(
    connection: CallersAsyncConnection, statement: str, parameters: Parameters
) -> list[Row]:
    """Run one statement on the connection and return its rows, as `fetch` does.

    Raises:
        UsageError: the object is no connection to PostgreSQL, or not an asynchronous one.
    """
    if _is_psycopg(connection, "AsyncConnection", "AsyncCursor"):
        return await _rows_of_async_psycopg(connection, statement, parameters)
    if _is_alchemy_async(connection):
        return await _rows_of_async_alchemy(connection, statement, parameters)
    if any(accepts(connection) for accepts, _ in _KINDS):
        raise _unsupported(
            connection, "not asynchronous", "Call the function of the same name without _async."
        )
    raise _unsupported(connection, "no connection that can be used", _ACCEPTED_ASYNC)


def _unsupported(connection: object, reason: str, hint: str) -> UsageError:
    kind = type(connection)
    return UsageError(f"{kind.__module__}.{kind.__qualname__} is {reason}", hint=hint)


def _is(value: object, module: str, *names: str) -> bool:
    """Return whether `value` is an instance of one of these classes of a module, if it was imported."""
    imported = sys.modules.get(module)
    classes = (getattr(imported, name, None) for name in names)
    return isinstance(value, tuple(kind for kind in classes if isinstance(kind, type)))


def _is_psycopg(value: object, *names: str) -> bool:
    return _is(value, "psycopg", *names)


def _is_psycopg2(value: object) -> bool:
    return _is(value, "psycopg2.extensions", "connection")


def _is_alchemy(value: object) -> bool:
    return _is(value, "sqlalchemy.engine", "Connection") or _is(
        value, "sqlalchemy.orm", "Session", "scoped_session"
    )


def _is_alchemy_async(value: object) -> bool:
    return _is(value, "sqlalchemy.ext.asyncio", "AsyncConnection", "AsyncSession", "async_scoped_session")


def _is_django(value: object) -> bool:
    return _is(value, "django.db.backends.base.base", "BaseDatabaseWrapper") or _is(
        value, "django.utils.connection", "ConnectionProxy"
    )


def _is_async(value: object) -> bool:
    return _is_psycopg(value, "AsyncConnection", "AsyncCursor") or _is_alchemy_async(value)


def returns_rows(statement: str) -> bool:
    """Return whether a statement is a `select`."""
    return statement.startswith("select")


def _rows_of_psycopg(connection: Any, statement: str, parameters: Parameters) -> list[Row]:
    psycopg: Any = sys.modules["psycopg"]
    owner = connection.connection if isinstance(connection, psycopg.Cursor) else connection
    with psycopg.Cursor(owner, row_factory=psycopg.rows.tuple_row) as cursor:
        if returns_rows(statement):
            cursor.execute(statement, parameters)
            return list(cursor.fetchall())
        with _synchronized(owner):
            cursor.execute(statement)
        return []


async def _rows_of_async_psycopg(connection: Any, statement: str, parameters: Parameters) -> list[Row]:
    psycopg: Any = sys.modules["psycopg"]
    owner = connection.connection if isinstance(connection, psycopg.AsyncCursor) else connection
    async with psycopg.AsyncCursor(owner, row_factory=psycopg.rows.tuple_row) as cursor:
        if returns_rows(statement):
            await cursor.execute(statement, parameters)
            return list(await cursor.fetchall())
        async with _synchronized(owner):
            await cursor.execute(statement)
        return []


def _synchronized(connection: Any) -> Any:
    """Return a block at whose end the results of a pipeline have been received, so that errors are raised."""
    return connection.pipeline() if connection.pgconn.pipeline_status else nullcontext()


def _rows_of_psycopg2(connection: Any, statement: str, parameters: Parameters) -> list[Row]:
    plain = sys.modules["psycopg2.extensions"].cursor
    with connection.cursor(cursor_factory=plain) as cursor:
        cursor.execute(statement, parameters or None)
        return cursor.fetchall() if returns_rows(statement) else []


def _rows_of_django(connection: Any, statement: str, parameters: Parameters) -> list[Row]:
    _require_postgresql(connection, getattr(connection, "vendor", None), _ACCEPTED)
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
        return cursor.fetchall() if returns_rows(statement) else []


def _rows_of_alchemy(connection: Any, statement: str, parameters: Parameters) -> list[Row]:
    if not _is(connection, "sqlalchemy.engine", "Connection"):
        connection = connection.connection()
    _require_postgresql(connection, connection.dialect.name, _ACCEPTED)
    result = connection.execute(_alchemy_text(statement), parameters)
    return result.all() if returns_rows(statement) else []


async def _rows_of_async_alchemy(connection: Any, statement: str, parameters: Parameters) -> list[Row]:
    if not _is(connection, "sqlalchemy.ext.asyncio", "AsyncConnection"):
        connection = await connection.connection()
    _require_postgresql(connection, connection.dialect.name, _ACCEPTED_ASYNC)
    result = await connection.execute(_alchemy_text(statement), parameters)
    return result.all() if returns_rows(statement) else []


def _alchemy_text(statement: str) -> Any:
    return sys.modules["sqlalchemy"].text(_PLACEHOLDER.sub(r":\1", statement))


def _require_postgresql(connection: object, system: str | None, hint: str) -> None:
    if system != "postgresql":
        raise _unsupported(connection, f"a connection to {system}", hint)


_KINDS: Final[tuple[tuple[Callable[[object], bool], Callable[[Any, str, Parameters], list[Row]]], ...]] = (
    (lambda value: _is_psycopg(value, "Connection", "Cursor"), _rows_of_psycopg),
    (_is_alchemy, _rows_of_alchemy),
    (_is_django, _rows_of_django),
    (_is_psycopg2, _rows_of_psycopg2),
)

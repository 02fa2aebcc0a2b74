"""Connections of each kind that `emit` takes, each with its commit and its rollback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, Final

import psycopg
import psycopg2
import sqlalchemy
from django.conf import settings
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row
from sqlalchemy.orm import Session, scoped_session, sessionmaker

KINDS: Final = (
    "psycopg",
    "psycopg cursor",
    "psycopg with dict rows",
    "psycopg without prepared statements",
    "psycopg pipeline",
    "psycopg2",
    "SQLAlchemy connection",
    "SQLAlchemy session",
    "SQLAlchemy scoped session",
    "SQLAlchemy session on psycopg2",
    "Django",
)


@dataclass(frozen=True)
class Caller:
    """A connection of a user with an open transaction, or one that opens with the first statement."""

    connection: Any
    commit: Callable[[], None]
    rollback: Callable[[], None]


@contextmanager
def opened(kind: str, url: str) -> Iterator[Caller]:
    """Open a connection of this kind; close it at the end without committing."""
    library = kind.split(maxsplit=1)[0]
    if library == "psycopg":
        with _psycopg(kind, url) as caller:
            yield caller
    elif library == "psycopg2":
        with closing(psycopg2.connect(url)) as old:
            yield Caller(old, old.commit, old.rollback)
    elif library == "SQLAlchemy":
        with _alchemy(kind, url) as caller:
            yield caller
    else:
        with django_connection(url) as connection:
            connection.set_autocommit(False)
            yield Caller(connection, connection.commit, connection.rollback)
            connection.rollback()
            connection.set_autocommit(True)


@contextmanager
def _psycopg(kind: str, url: str) -> Iterator[Caller]:
    choices: dict[str, dict[str, Any]] = {
        "psycopg with dict rows": {"row_factory": dict_row, "cursor_factory": psycopg.ClientCursor},
        "psycopg without prepared statements": {"prepare_threshold": None},
    }
    with closing(psycopg.connect(url, **choices.get(kind, {}))) as connection:
        if kind == "psycopg cursor":
            yield Caller(connection.cursor(), connection.commit, connection.rollback)
        elif kind == "psycopg pipeline":
            with connection.pipeline():
                yield Caller(connection, connection.commit, connection.rollback)
        else:
            yield Caller(connection, connection.commit, connection.rollback)


@contextmanager
def _alchemy(kind: str, url: str) -> Iterator[Caller]:
    engine = sqlalchemy.create_engine(alchemy_url(url, "psycopg2" if "psycopg2" in kind else "psycopg"))
    try:
        if kind == "SQLAlchemy connection":
            with engine.connect() as connection:
                yield Caller(connection, connection.commit, connection.rollback)
        elif kind == "SQLAlchemy scoped session":
            scoped = scoped_session(sessionmaker(engine))
            yield Caller(scoped, scoped.commit, scoped.rollback)
            scoped.remove()
        else:
            with Session(engine) as session:
                yield Caller(session, session.commit, session.rollback)
    finally:
        engine.dispose()


def alchemy_url(url: str, driver: str) -> str:
    return url.replace("postgresql://", f"postgresql+{driver}://", 1)


@contextmanager
def django_connection(url: str) -> Iterator[Any]:
    """Connect Django's default database to `url`; close the connection at the end."""
    import django
    from django.db import connection

    if not settings.configured:
        database = {"ENGINE": "django.db.backends.postgresql", "NAME": "unused"}
        settings.configure(DATABASES={"default": database}, INSTALLED_APPS=[], USE_TZ=True)
        django.setup()
    parts = conninfo_to_dict(url)
    given = {name.upper(): str(parts.get(key) or "") for name, key in _DJANGO.items()}
    before = dict(connection.settings_dict)
    connection.close()
    connection.settings_dict.update(given)
    try:
        yield connection
    finally:
        connection.close()
        connection.settings_dict.update(before)


_DJANGO: Final = {"name": "dbname", "user": "user", "password": "password", "host": "host", "port": "port"}

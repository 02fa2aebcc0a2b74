"""Connections to the running server, and the creation of its databases."""

from __future__ import annotations

import re
from typing import Final

import stamina

from iu_pipelines.db.connection_errors import is_transient
from iu_pipelines.db.embedded import record
from iu_pipelines.db.embedded.cluster import SUPERUSER, Cluster
from iu_pipelines.db.embedded.waiting import START_SECONDS
from iu_pipelines.db.gateway import Gateway, probe
from iu_pipelines.errors import ConnectionFailed, DatabaseError, UsageError

TOO_MANY_CONNECTIONS: Final = "53300"
"""The SQLSTATE when the server has no free connection."""

INVALID_PASSWORD: Final = "28P01"  # noqa: S105 - an SQLSTATE
"""The SQLSTATE when the server rejects the password."""

_UNDEFINED_DATABASE: Final = "3D000"
_DUPLICATE_DATABASE: Final = ("42P04", "23505")
_NAME: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}")


def connection_failure(cluster: Cluster) -> ConnectionFailed | None:
    """Return the reason why the server does not accept a connection, or None when it does."""
    try:
        probe(record.read(cluster.data).url(SUPERUSER))
    except ConnectionFailed as error:
        return error
    return None


def ensure(cluster: Cluster, name: str) -> str:
    """Create the database unless it exists, and return its URL; wait for a server that is recovering.

    Raises:
        UsageError: the name is not a valid database name.
        ConnectionFailed: the server does not accept connections.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is not a valid database name",
            hint="Use up to 63 lowercase letters, digits and underscores; do not begin with a digit.",
        )
    current = record.read(cluster.data)
    url = current.url(name)
    try:
        for attempt in stamina.retry_context(on=is_transient, attempts=None, timeout=START_SECONDS):
            with attempt:
                probe(url)
    except ConnectionFailed as error:
        if error.code != _UNDEFINED_DATABASE:
            raise
        _create(current.url(SUPERUSER), name)
    return url


def _create(url: str, name: str) -> None:
    """Create the database; another process may create it at the same time."""
    with Gateway(url, application_name="iu embedded") as gateway:
        try:
            gateway.execute(f'create database "{name}"')
        except DatabaseError as error:
            if error.code not in _DUPLICATE_DATABASE:
                raise

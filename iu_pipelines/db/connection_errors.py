"""Translate libpq's message about a failed connection into a SQLSTATE, a reason and a hint.

libpq reports no SQLSTATE for a failed connection, so the text of its message is matched. `migration_advised`
replaces the hint of an error about a schema that is not installed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from iu_pipelines.db import passwords
from iu_pipelines.errors import ConnectionFailed, StatementFailed, redact


@dataclass(frozen=True, slots=True)
class _Reason:
    """A pattern of libpq's message, and the SQLSTATE, message and hint; `{}` is replaced by its group.

    The hint about a password is made when it is needed.
    """

    pattern: str
    code: str
    message: str
    hint: str


NOT_INSTALLED: Final = frozenset({"42P01", "42883", "42703", "3F000"})
"""The SQLSTATEs of a table, function, column or schema that does not exist."""

MIGRATE_HINT: Final = "The schema is not installed, or not completely. Run: iu migrate"

_STARTING: Final = "57P03"
_CLOSED_EARLY: Final = "08006"

_NO_PASSWORD: Final = _Reason(
    r"no password supplied", "28P01", "the server asks for a password, and none was found", ""
)
_WRONG_PASSWORD: Final = _Reason(
    r"authentication failed", "28P01", "the server rejected the user or the password", ""
)

_REASONS: Final = (
    _Reason(
        r"resolve host|translate host name",
        "08001",
        "the host name is unknown",
        "Check the spelling of the host in the URL.",
    ),
    _Reason(
        r"Connection refused|No such file or directory",
        "08001",
        "no server is listening at this host and port",
        "Start the server, or check the host and the port in the URL.",
    ),
    _NO_PASSWORD,
    _Reason(
        r'(?:Peer|Ident) authentication failed for user "([^"]*)"',
        "28000",
        'the server accepts "{}" here only from the user of the operating system with that name',
        "Run the command as that user, or name the host in the URL, so that the server asks for a password.",
    ),
    _WRONG_PASSWORD,
    _Reason(
        r'role "([^"]*)" does not exist',
        "28000",
        'the role "{}" does not exist on the server',
        "Check the user in the URL, or create the role.",
    ),
    _Reason(
        r'database "([^"]*)" does not exist',
        "3D000",
        'the database "{}" does not exist on the server',
        "Create it (createdb NAME), or check the name at the end of the URL.",
    ),
    _Reason(
        r"timeout|timed out",
        "08001",
        "the server did not answer in time",
        "Check the host and the port in the URL, and the firewalls between this machine and the server.",
    ),
    _Reason(
        r"starting up|not yet accepting|shutting down|recovery mode",
        _STARTING,
        "the server is starting or stopping",
        "Try again in a few seconds.",
    ),
    _Reason(
        r"server closed the connection unexpectedly|Connection reset by peer",
        _CLOSED_EARLY,
        "the server closed the connection before it answered",
        "The server may be recovering from a killed process: try again in a few seconds, and read its log.",
    ),
    _Reason(
        r"too many (clients|connections)|connection slots are reserved",
        "53300",
        "the server has no free connection",
        "Close other clients, or raise max_connections on the server.",
    ),
    _Reason(
        r"no pg_hba\.conf entry",
        "28000",
        "the server has no entry in pg_hba.conf for this client",
        "Add the client to pg_hba.conf, or set sslmode=require in the URL.",
    ),
    _Reason(
        r"invalid port number|invalid integer value",
        "08001",
        "the port is not a number from 1 to 65535",
        "Correct the port in the URL.",
    ),
)


def connection_failed(message: str, url: str, options: Mapping[str, str]) -> ConnectionFailed:
    """Return the error for a connection to `url` that failed with this message of libpq.

    `options` are those of `passwords.OPTIONS`, as libpq completed them.
    """
    failure = f"cannot connect to {redact(url)}"
    for reason in _REASONS:
        found = re.search(reason.pattern, message)
        if found:
            known = reason.message.format(*found.groups())
            hint = _hint(reason, message, url, options)
            return ConnectionFailed(f"{failure}: {known}", hint=hint, code=reason.code)
    unknown = " ".join(redact(message).split())
    return ConnectionFailed(
        f"{failure}: {unknown}", hint="Check the URL, and read the log of the server.", code="08001"
    )


def _hint(reason: _Reason, message: str, url: str, options: Mapping[str, str]) -> str:
    if reason is _NO_PASSWORD:
        return passwords.none_found(options)
    return passwords.wrong(message, url) if reason is _WRONG_PASSWORD else reason.hint


@contextmanager
def migration_advised(hint: str = MIGRATE_HINT) -> Iterator[None]:
    """Give an error of the block about a missing table, function or column the hint to run `iu migrate`."""
    try:
        yield
    except StatementFailed as error:
        if error.code in NOT_INSTALLED:
            error.hint = hint
        raise


def is_transient(error: Exception) -> bool:
    """Return whether the server was starting, stopping or recovering, so that another attempt can succeed."""
    return isinstance(error, ConnectionFailed) and error.code in {_STARTING, _CLOSED_EARLY}

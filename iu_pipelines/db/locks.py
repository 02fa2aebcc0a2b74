"""The error of a statement that waited too long for a lock: which tables are locked, and by which session."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from iu_pipelines.db.statements import Statements
from iu_pipelines.errors import IuError

_SQL: Final = Statements(__name__)

NOT_AVAILABLE: Final = "55P03"
"""The SQLSTATE of a wait that `lock_timeout` ended."""

_HINT: Final = "It reads only. Find out who holds the lock and end or await it, then repeat: iu doctor"


def explain(error: IuError, fetch_all: Callable[[str], Sequence[Mapping[str, Any]]]) -> None:
    """Add to a wait that was ended the tables that are locked, and a hint.

    PostgreSQL does not name the table in its error. A session that ended meanwhile is not named.
    """
    locks = [_said(row) for row in fetch_all(_SQL["exclusive"])]
    error.message = f"a lock was not free in time: {'; '.join(locks) or error.message}"
    error.args = (error.message,)
    error.hint = _HINT


def _said(row: Mapping[str, Any]) -> str:
    who = (
        f"process {row['pid']} of {row['login']} ({row['program'] or 'unnamed'})"
        if row["pid"]
        else "a prepared transaction"
    )
    return (
        f"table {row['relation']} is locked by {who}"
        if row["granted"]
        else (f"{who} waits to lock table {row['relation']}, and others wait behind it")
    )

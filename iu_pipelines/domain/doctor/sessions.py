"""Checks of transactions that stay open.

They delay no worker (decision 016). But their own events are read only after their end, they keep their
locks, and vacuum keeps every row that was deleted since they began.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from iu_pipelines.db.statements import Statements
from iu_pipelines.domain.doctor.database import SERVER, Asked
from iu_pipelines.domain.doctor.findings import Level, Verdict

_SQL: Final = Statements(__name__)

WARNING_SECONDS: Final = 300.0
"""The age from which an open transaction is a warning."""

PROBLEM_SECONDS: Final = 3600.0
"""The age from which one that has written is a problem."""

BLOCKED_SECONDS: Final = 5.0
"""The time from which a wait for a lock is a warning."""

BLOCKED_PROBLEM_SECONDS: Final = 60.0
"""The time from which it is a problem."""

_HOLDS: Final = (
    "No worker waits for it, but its own events are read only after its end, a migration waits for its "
    "locks, and vacuum keeps the rows deleted since, so tables grow."
)


@SERVER("sessions.prepared")
def prepared(asked: Asked) -> Verdict:
    """Look for prepared transactions, which stay until somebody ends them, even over a restart."""
    found = asked.rows(_SQL["prepared"])
    allowed = asked.settings["max_prepared_transactions"].value
    if not found:
        return Verdict("ok", f"none; max_prepared_transactions = {allowed}")
    oldest = found[0]
    return Verdict(
        _level(oldest["seconds"], has_written=True),
        f"{len(found)} prepared transactions, the oldest {oldest['gid']!r} of {oldest['owner']} in database "
        f"{oldest['database']} since {_age(oldest['seconds'])}",
        f"{_HOLDS} End it in that database: commit prepared {oldest['gid']!r}; or: rollback prepared "
        f"{oldest['gid']!r}",
    )


@SERVER("sessions.idle_in_transaction")
def idle_in_transaction(asked: Asked) -> Verdict:
    """Look for sessions that are idle in a transaction."""
    found = [row for row in asked.rows(_SQL["open"]) if row["is_idle"] and row["seconds"] >= WARNING_SECONDS]
    if not found:
        return _none(asked, f"no session is idle in a transaction for {_age(WARNING_SECONDS)} or more")
    return Verdict(
        _level(found[0]["seconds"], has_written=any(row["has_written"] for row in found)),
        f"idle in a transaction: {_said(found)}",
        f"{_HOLDS} End it: select pg_terminate_backend({found[0]['pid']}); and correct the program.",
    )


@SERVER("sessions.long_transactions")
def long_transactions(asked: Asked) -> Verdict:
    """Look for statements that have run for long."""
    found = [
        row for row in asked.rows(_SQL["open"]) if not row["is_idle"] and row["seconds"] >= WARNING_SECONDS
    ]
    if not found:
        return _none(asked, f"no working transaction is {_age(WARNING_SECONDS)} old or older")
    return Verdict("warning", f"long transactions: {_said(found)}", _HOLDS)


@SERVER("sessions.blocked")
def blocked(asked: Asked) -> Verdict:
    """Look for sessions of this database that wait for a lock, and for those that hold it."""
    found = [row for row in asked.rows(_SQL["blocked"]) if row["seconds"] >= BLOCKED_SECONDS]
    if not found:
        return Verdict("ok", f"no session has waited {_age(BLOCKED_SECONDS)} or longer for a lock")
    longest = found[0]["seconds"]
    waiting = {row["pid"] for row in found}
    holders = sorted({pid for row in found for pid in row["blockers"]} - waiting)
    said = "; ".join(_waits(row) for row in found[:3])
    more = f"; and {len(found) - 3} more" if len(found) > 3 else ""
    return Verdict(
        "problem" if longest >= BLOCKED_PROBLEM_SECONDS else "warning",
        f"{said}{more}{_held(asked, holders)}",
        _release(holders),
    )


@SERVER("sessions.idle_timeout")
def idle_timeout(asked: Asked) -> Verdict:
    """Look for a limit that ends sessions which are idle in a transaction."""
    setting = asked.settings["idle_in_transaction_session_timeout"]
    if setting.value != "0":
        return Verdict("ok", f"idle_in_transaction_session_timeout = {setting.value}")
    return Verdict(
        "note",
        "idle_in_transaction_session_timeout = 0: no idle transaction is ended",
        "For the logins of your programs: alter role NAME set idle_in_transaction_session_timeout = '5min'",
    )


def _waits(row: dict[str, Any]) -> str:
    lock = f"{row['mode']} of {row['relation']}" if row["relation"] else f"a lock of a {row['kind']}"
    behind = ", ".join(str(pid) if pid else "a prepared transaction" for pid in row["blockers"])
    return (
        f"pid {row['pid']} of {row['login']} ({row['program'] or 'unnamed'}) waits {_age(row['seconds'])} "
        f"for {lock}, blocked by {behind or 'nobody any more'}"
    )


def _held(asked: Asked, holders: Sequence[int]) -> str:
    """Return who the sessions are that hold locks and wait for nobody."""
    return "".join(
        f"; pid {row['pid']} is of {row['login']} ({row['program'] or 'unnamed'})"
        + (f", {row['state']}" if row["state"] else ", what it does is not visible to this login")
        + ("" if row["seconds"] is None else f", its transaction began {_age(row['seconds'])} ago")
        for row in asked.rows(_SQL["blockers"], pids=list(holders))
    )


def _release(holders: Sequence[int]) -> str:
    pids = [pid for pid in holders if pid]
    if not pids:
        return (
            "End the prepared transaction (sessions.prepared), or repeat iu doctor if no one holds the lock."
        )
    end = " ".join(f"select pg_terminate_backend({pid});" for pid in pids[:3])
    return f"Await the end of that transaction, or end it, which rolls it back: {end}"


def _none(asked: Asked, found: str) -> Verdict:
    """Return that nothing was found, or that another login might see more."""
    hidden = 0 if asked.sees_sessions else asked.queries.fetch_value(_SQL["hidden"])
    if not hidden:
        return Verdict("ok", found)
    return Verdict(
        "note",
        f"{found}; sessions of other roles that this login cannot see: {hidden}",
        "A superuser may run: grant pg_read_all_stats to ROLE",
    )


def _level(seconds: float, *, has_written: bool) -> Level:
    if seconds < WARNING_SECONDS:
        return "note"
    return "problem" if has_written and seconds >= PROBLEM_SECONDS else "warning"


def _said(found: Sequence[dict[str, Any]]) -> str:
    """Return the oldest three sessions as text."""
    said = [
        f"pid {row['pid']} of {row['login']} ({row['program'] or 'unnamed'}) in {row['database']} since "
        f"{_age(row['seconds'])}{', which has written' if row['has_written'] else ''}"
        for row in found[:3]
    ]
    return "; ".join(said) + (f"; and {len(found) - 3} more" if len(found) > 3 else "")


def _age(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{seconds:.0f} s" if minutes < 2 else f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"

"""Checks of the server: its version, encoding, connections and size, and a pooler in front of it."""

from __future__ import annotations

from typing import Final

from iu_pipelines.db.statements import Statements
from iu_pipelines.domain.doctor.database import SERVER, Asked
from iu_pipelines.domain.doctor.findings import Verdict

_SQL: Final = Statements(__name__)
_NEWEST_TESTED: Final = 18
_FULL: Final = 0.8


@SERVER("server.version")
def version(asked: Asked) -> Verdict:
    """Compare the major version with the newest one that is tested. Older ones than 14 cannot connect."""
    found = asked.settings["server_version"].value
    if int(asked.settings["server_version_num"].value) // 10_000 <= _NEWEST_TESTED:
        return Verdict("ok", found)
    return Verdict(
        "note", f"{found} is newer than {_NEWEST_TESTED}, the newest tested version", "Run: iu verify"
    )


@SERVER("server.encoding")
def encoding(asked: Asked) -> Verdict:
    """Look for an encoding that cannot store every text, and a collation that changed with the system."""
    (row,) = asked.rows(_SQL["encoding"])
    found = f"{row['encoding']}, collation {row['collation']}"
    if row["encoding"] != "UTF8":
        return Verdict(
            "warning",
            f"{found}: a text that this encoding lacks is refused",
            "Create the database again with encoding 'UTF8' template template0, and restore a dump into it.",
        )
    # PostgreSQL 14 records no version of a database's collation.
    has_version = int(asked.settings["server_version_num"].value) >= 150_000
    for other in asked.rows(_SQL["collation_version"]) if has_version else ():
        return Verdict(
            "warning",
            f"{found}: the system has version {other['actual']}, indexes were built with {other['stored']}",
            "Rebuild them: reindex database NAME; then: alter database NAME refresh collation version",
        )
    return Verdict("ok", found)


@SERVER("server.writable")
def writable(asked: Asked) -> Verdict:
    """Look for a standby, and for a default that makes transactions read-only."""
    (row,) = asked.rows(_SQL["writable"])
    if row["in_recovery"]:
        return Verdict(
            "problem",
            "the server is a standby: it accepts no events, and no worker can run",
            "Use the URL of the primary, or add target_session_attrs=read-write to a URL with several hosts.",
        )
    setting = asked.settings["default_transaction_read_only"]
    if setting.value == "on":
        return Verdict(
            "problem",
            f"default_transaction_read_only is on ({setting.source}): every write is refused",
            "Find out who set it and why, then reset it on the role, the database or the server.",
        )
    return Verdict("ok", "a primary that accepts writes")


@SERVER("server.pooler")
def pooler(asked: Asked) -> Verdict:
    """Find out whether a pooler answers instead of the server."""
    if asked.is_pooled:
        return Verdict(
            "note",
            "a pooler such as PgBouncer is in front of the server",
            "See docs/how-to/pgbouncer.md for its configuration.",
        )
    return Verdict("ok", "none between this process and the server")


@SERVER("server.connections")
def connections(asked: Asked) -> Verdict:
    """Count the connections."""
    (row,) = asked.rows(_SQL["connections"])
    found = f"{row['used']} of {row['allowed']} are in use"
    if row["used"] < _FULL * row["allowed"]:
        return Verdict("ok", found)
    return Verdict("warning", found, "Close other clients, use a pooler, or raise max_connections.")


@SERVER("server.slots")
def slots(asked: Asked) -> Verdict:
    """Look for replication slots that nobody reads: they keep WAL files and deleted rows."""
    idle = asked.rows(_SQL["idle_slots"])
    if not idle:
        return Verdict("ok", "no replication slot is idle")
    said = [
        f"{row['name']} keeps {row['kept'] or 'an unknown amount'} of WAL"
        + (f" and rows of {row['xids']:,} transactions" if row["xids"] else "")
        for row in idle
    ]
    return Verdict(
        "warning",
        f"idle replication slots: {'; '.join(said)}",
        "Start their reader, or drop a slot that is no longer used: select pg_drop_replication_slot(NAME)",
    )


@SERVER("server.size")
def size(asked: Asked) -> Verdict:
    """Report the size of the database and of its largest tables."""
    (row,) = asked.rows(_SQL["size"])
    largest = ", ".join(f"{one['name']} {one['size']}" for one in asked.rows(_SQL["largest"]))
    return Verdict("ok", f"database {row['name']}: {row['size']}{f'; {largest}' if largest else ''}")

"""The gateway of a command to its database: the one in its settings, or the embedded server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Final

from iu_pipelines.cli.output import print_warning
from iu_pipelines.db.connection_errors import MIGRATE_HINT, migration_advised
from iu_pipelines.db.database_url import resolve_database_url
from iu_pipelines.db.embedded.server import EmbeddedServer
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import code
from iu_pipelines.errors import PermissionDenied
from iu_pipelines.settings import Settings

_OBJECT: Final = re.compile(r"permission denied for (?:function|table|view) (\w+)")

LOCK_SECONDS: Final = 10
"""How long a statement of a command that only reads waits for a lock."""

_ELSEWHERE: Final = "if your outbox is elsewhere, run this there, or set IU_HOME"


def database_url(chosen: Settings) -> str:
    """Return the URL as `resolve_database_url` does. Warn if that made a new embedded server."""
    is_new = chosen.database_url is None and not EmbeddedServer(chosen.home, pg_bin=chosen.pg_bin).exists()
    url = resolve_database_url(chosen)
    if is_new:
        print_warning(f"a new database was made in {chosen.home}; {_ELSEWHERE}")
    return url


@contextmanager
def connect(chosen: Settings, *, installs_schema: bool = False, writes: bool = True) -> Iterator[Gateway]:
    """Yield a gateway to the named database, or to the embedded server, which is started if needed.

    The first statement opens the connection. An error about a missing table or function gets a hint to run
    `iu migrate`. With `installs_schema` it keeps the hint of the server, and a new embedded server is made
    without a warning. Without `writes`, a statement waits at most LOCK_SECONDS for a lock.
    """
    lock_seconds = None if writes else LOCK_SECONDS
    url = resolve_database_url(chosen) if installs_schema else database_url(chosen)
    with Gateway(url, lock_seconds=lock_seconds) as gateway:
        try:
            with nullcontext() if installs_schema else migration_advised(_hint(chosen)):
                yield gateway
        except PermissionDenied as error:
            _name_roles(error, writes=writes)
            raise


def _hint(chosen: Settings) -> str:
    """Return the hint about a schema that is not installed."""
    if chosen.database_url is not None:
        return MIGRATE_HINT
    return f"The database is the one in {chosen.home}: {_ELSEWHERE}. {MIGRATE_HINT}"


def _name_roles(error: PermissionDenied, *, writes: bool) -> None:
    """Name the roles that may do what was refused, instead of all roles, if an object of iu was refused.

    An object for which no role is declared needs the owner. If an object of others was refused, name theirs.
    """
    found = _OBJECT.search(error.message)
    told, all_roles, _ = (error.hint or "").partition(". Connect as a member of ")
    if found is None or not all_roles:
        return
    roles = code.roles_of(found[1], writes=writes)
    if roles is None:
        error.hint = f"{told}. The owner of {found[1]}, which is not part of iu, can grant it the privilege."
    else:
        needed = " or ".join(roles or ["iu_owner"])
        error.hint = f"{told}. This needs a member of {needed} (docs/operate/roles.md)."

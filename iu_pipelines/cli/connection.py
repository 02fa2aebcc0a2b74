"""The gateway of a command to its database: the one in its settings, or the embedded server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Final

from iu_pipelines.db.connection_errors import migration_advised
from iu_pipelines.db.database_url import resolve_database_url
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import code
from iu_pipelines.errors import PermissionDenied
from iu_pipelines.settings import Settings

_OBJECT: Final = re.compile(r"permission denied for (?:function|table|view) (\w+)")

LOCK_SECONDS: Final = 10
"""How long a statement of a command that only reads waits for a lock."""


@contextmanager
def connect(chosen: Settings, *, installs_schema: bool = False, writes: bool = True) -> Iterator[Gateway]:
    """Yield a gateway to the named database, or to the embedded server, which is started if needed.

    The first statement opens the connection. An error about a missing table or function gets a hint to run
    `iu migrate`. With `installs_schema` it keeps the hint of the server. Without `writes`, a statement
    waits at most LOCK_SECONDS for a lock.
    """
    lock_seconds = None if writes else LOCK_SECONDS
    with Gateway(resolve_database_url(chosen), lock_seconds=lock_seconds) as gateway:
        try:
            with nullcontext() if installs_schema else migration_advised():
                yield gateway
        except PermissionDenied as error:
            _name_roles(error, writes=writes)
            raise


def _name_roles(error: PermissionDenied, *, writes: bool) -> None:
    """Name the roles that may do what was refused, instead of all roles, if an object of iu was refused."""
    found = _OBJECT.search(error.message)
    told, all_roles, _ = (error.hint or "").partition(". Connect as a member of ")
    if found is None or not all_roles:
        return
    roles = code.roles_of(found[1], writes=writes)
    if roles:
        error.hint = f"{told}. This needs a member of {' or '.join(roles)} (docs/operate/roles.md)."

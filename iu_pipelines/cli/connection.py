"""From the settings of a command to a gateway, with the embedded server started where none is named."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from iu_pipelines.db.database_url import resolve_database_url
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.errors import StatementFailed
from iu_pipelines.settings import Settings

_NOT_INSTALLED: Final = frozenset({"42P01", "42883", "42703", "3F000"})


@contextmanager
def connect(chosen: Settings, *, installs_schema: bool = False) -> Iterator[Gateway]:
    """Yield a gateway to the named database, or to the embedded one, which is started when needed.

    Nothing is connected before the first call. A missing table or function becomes an error that says
    how to install it, except for a command that `installs_schema`: there the server's own hint stays.
    """
    with Gateway(resolve_database_url(chosen)) as gateway:
        try:
            yield gateway
        except StatementFailed as error:
            if error.code in _NOT_INSTALLED and not installs_schema:
                error.hint = "The schema is not installed here, or not completely. Run: iu migrate"
            raise

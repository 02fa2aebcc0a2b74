"""The URL of the database that the settings choose."""

from __future__ import annotations

from iu_pipelines.db.embedded.server import EmbeddedServer
from iu_pipelines.settings import Settings


def resolve_database_url(settings: Settings) -> str:
    """Return the URL in the settings; without one, start the embedded server and return its URL.

    Raises:
        EmbeddedServerError: the embedded server could not be started.
    """
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    return EmbeddedServer(settings.home, pg_bin=settings.pg_bin).ensure_running()

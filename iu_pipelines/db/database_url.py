"""Which database is meant: the one that the settings name, or else the embedded one."""

from __future__ import annotations

from iu_pipelines.db.embedded.server import EmbeddedServer
from iu_pipelines.settings import Settings


def database_url(settings: Settings) -> str:
    """Return the URL that the settings name, or start the embedded server and return its URL."""
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    return EmbeddedServer(settings.home, pg_bin=settings.pg_bin).ensure_running()

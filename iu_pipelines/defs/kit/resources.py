"""The resource that opens the database of an outbox."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

import dagster as dg
from pydantic import Field

from iu_pipelines.db.database_url import resolve_database_url
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.settings import Settings, load

_IN_PROCESS: Final[ContextVar[Settings | None]] = ContextVar("iu_settings", default=None)


class GatewayResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """PostgreSQL of one outbox. Give the URL as an environment variable, so that no password is shown."""

    database_url: str = Field(
        default="",
        description="postgresql:// URL; empty: IU_DATABASE_URL, or else the embedded server under IU_HOME",
    )

    @contextmanager
    def open(self) -> Iterator[Gateway]:
        """Open the database; the embedded server is started or healed where it is the one in use."""
        with Gateway(
            self.database_url or resolve_database_url(current_settings()), application_name="iu-dagster"
        ) as gateway:
            yield gateway


def current_settings() -> Settings:
    """Return the settings of the run that this process executes by itself, or else of the environment."""
    return _IN_PROCESS.get() or load()


def is_executed_by_us() -> bool:
    """Return whether the run at hand is executed by this process for a command of ours."""
    return _IN_PROCESS.get() is not None


@contextmanager
def using(settings: Settings) -> Iterator[None]:
    """Execute what is inside with `settings` instead of the environment's."""
    token = _IN_PROCESS.set(settings)
    try:
        yield
    finally:
        _IN_PROCESS.reset(token)

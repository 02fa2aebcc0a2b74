"""The resource that opens the database of an outbox."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, Self

import dagster as dg
from pydantic import Field

from iu_pipelines.db.connection_errors import migration_advised
from iu_pipelines.db.database_url import resolve_database_url
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain.fleet.members import url_in
from iu_pipelines.errors import UsageError
from iu_pipelines.settings import Settings, load

_IN_PROCESS: Final[ContextVar[Settings | None]] = ContextVar("iu_settings", default=None)


class GatewayResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The database of one outbox. Name a variable, so that the web UI shows no password."""

    database_url: str = Field(
        default="",
        description="A postgresql:// URL. Empty: that in `variable`.",
    )
    variable: str = Field(
        default="",
        description="The environment variable with the URL, read when a run or a tick needs it. Empty: "
        "IU_DATABASE_URL, or in `iu dev` the embedded server.",
    )

    @classmethod
    def of(cls, variable: str) -> Self:
        """Return the database whose URL is in the environment variable `variable`.

        An empty name: the database of the settings.
        """
        return cls(variable=variable)

    @contextmanager
    def open(self) -> Iterator[Gateway]:
        """Yield a gateway to the database. Start or repair the embedded server if it is used.

        An error about a missing table or function gets a hint to run `iu migrate`.

        Raises:
            UsageError: the variable is not set; or no URL is given, and neither `iu dev` nor another command
                of iu runs this code.
        """
        with Gateway(self._url(), application_name="iu-dagster") as gateway, migration_advised():
            yield gateway

    def _url(self) -> str:
        if self.variable and not self.database_url:
            return url_in(self.variable)
        return self.database_url or _url_in_settings()


class SenderResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The URL of the login that delivers. Name a variable, so that the web UI shows no password."""

    database_url: str = Field(
        default="",
        description="A postgresql:// URL. Empty: that in `variable`.",
    )
    variable: str = Field(
        default="",
        description="The environment variable with the URL, read when a run or a tick needs it. Empty: "
        "IU_SENDER_DATABASE_URL, or else that of the settings.",
    )

    @classmethod
    def of(cls, sender_variable: str, outbox_variable: str) -> Self:
        """Return the login whose URL is in the first environment variable that is named.

        Without both: the login of the settings.
        """
        return cls(variable=sender_variable or outbox_variable)

    def url(self) -> str:
        """Return the URL. Start or repair the embedded server if it is used.

        Raises:
            UsageError: the variable is not set; or no URL is given, and neither `iu dev` nor another command
                of iu runs this code.
        """
        if self.variable and not self.database_url:
            return url_in(self.variable)
        chosen = current_settings().sender_database_url
        return self.database_url or (chosen.get_secret_value() if chosen else _url_in_settings())


def _url_in_settings() -> str:
    """Return the URL that the settings choose. Nothing is started in a Dagster that is not run by iu."""
    chosen = current_settings()
    if chosen.database_url is None and not (chosen.embedded or is_executed_by_us()):
        raise UsageError(
            "no database is configured: IU_DATABASE_URL is not set",
            hint="Set IU_DATABASE_URL, or the variable that `database_url_variable` of the mount names. "
            "Only iu dev and other commands of `iu` start the embedded server.",
        )
    return resolve_database_url(chosen)


def current_settings() -> Settings:
    """Return the settings passed to `using`, or else those of the environment."""
    return _IN_PROCESS.get() or load()


def is_executed_by_us() -> bool:
    """Return whether an `iu` command executes the current run in this process."""
    return _IN_PROCESS.get() is not None


@contextmanager
def using(settings: Settings) -> Iterator[None]:
    """Use `settings` instead of those of the environment inside the block."""
    token = _IN_PROCESS.set(settings)
    try:
        yield
    finally:
        _IN_PROCESS.reset(token)

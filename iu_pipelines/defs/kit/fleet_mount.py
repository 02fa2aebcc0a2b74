"""Configuration of an outbox of a fleet: all of them open their databases by one resource.

Dagster gives every resource of a code location to every job. With two for each outbox, the description of a
code location grows with the square of their number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import dagster as dg
from pydantic import Field

from iu_pipelines.db.connection_errors import migration_advised
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.domain.fleet.members import FleetFile, Member, url_in
from iu_pipelines.errors import UsageError


class FleetResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The databases of a fleet. It holds no URL: each is read from its variable when it is opened."""

    fleet: str = Field(description="The name of the fleet.")

    def url(self, variable: str) -> str:
        """Return the URL in an environment variable. Raises UsageError if it is not set."""
        return url_in(variable)

    @contextmanager
    def open(self, variable: str) -> Iterator[Gateway]:
        """Yield a gateway to the database whose URL is in an environment variable. Raises UsageError."""
        with Gateway(self.url(variable), application_name="iu-dagster") as gateway, migration_advised():
            yield gateway


class FleetMount(Mount):
    """The configuration of one outbox of a fleet."""

    fleet: str = Field(default="fleet", description="The name of the fleet.")

    @property
    def resource_key(self) -> str:
        """The key of the resource that opens the databases of the fleet."""
        return resource_key(self.fleet)

    @property
    def sender_key(self) -> str:
        """The key of the same resource."""
        return self.resource_key

    def open(self, resources: object) -> AbstractContextManager[Gateway]:
        """Open this outbox from the resources of a context. The first call to the gateway connects."""
        opened: AbstractContextManager[Gateway] = self._databases(resources).open(self.database_url_variable)
        return opened

    def sender_url(self, resources: object) -> str:
        """Return the URL of the login that delivers. Raises UsageError."""
        variable = self.sender_database_url_variable or self.database_url_variable
        return str(self._databases(resources).url(variable))

    def url(self) -> str:
        """Return the URL of the database. Raises UsageError if its variable is not set."""
        return url_in(self.database_url_variable)

    def _databases(self, resources: object) -> Any:
        return getattr(resources, self.resource_key)


def resource_key(fleet: str) -> str:
    """Return the key of the resource that opens the databases of a fleet."""
    return f"{fleet}_databases"


def mounts(file: FleetFile) -> list[FleetMount]:
    """Return the configuration of each outbox of a fleet.

    Raises:
        UsageError: a field is invalid; the error names the outbox.
    """
    return [_mount(member, file.name) for member in file.members()]


def _mount(member: Member, fleet: str) -> FleetMount:
    try:
        return FleetMount(
            name=member.name,
            database_url_variable=member.database_url_variable,
            fleet=fleet,
            **member.fields,
        )
    except UsageError as error:
        raise UsageError(f"outbox {member.name}: {error.message}", hint=error.hint) from None


def own_mount(file: FleetFile, outboxes: Sequence[FleetMount]) -> Mount:
    """Return the configuration of what belongs to the fleet itself. Owners and channels are the defaults.

    Raises:
        UsageError: a default is invalid.
    """
    shared = ("owners", "executor", "notify", "red_fails_run", "prune_cron")
    running = file.fleet_running
    try:
        return Mount(
            name=file.name,
            running=None if running is None else frozenset(running),
            health_audit_cron=file.fleet_cron,
            sensor_interval_seconds=min(one.sensor_interval_seconds for one in outboxes),
            **{name: file.defaults[name] for name in shared if name in file.defaults},
        )
    except UsageError as error:
        message = error.message.replace("health_audit_cron", "fleet_cron")
        raise UsageError(f"fleet {file.name}: {message}", hint=error.hint) from None

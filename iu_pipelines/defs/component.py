"""A `dg` component: mount one or more outboxes into a code location from YAML."""

from collections.abc import Sequence

import dagster as dg
from pydantic import Field

from iu_pipelines.defs.factory import build_defs
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.resources import GatewayResource
from iu_pipelines.errors import UsageError


class OutboxModel(dg.Resolvable, Mount):
    """One outbox: where its database is, and every field of a mount."""

    database_url_variable: str = Field(
        description="The environment variable that holds the postgresql:// URL; read when something runs.",
    )

    def build_defs(self) -> dg.Definitions:
        """Return the definitions of this outbox. Raises UsageError where `running` has an unknown name."""
        gateway = GatewayResource(database_url=dg.EnvVar(self.database_url_variable))
        return build_defs(self, resources={self.resource_key: gateway})


class OutboxComponent(dg.Component, dg.Resolvable, dg.Model):
    """Mount outboxes: their assets, checks, jobs, schedules and sensors."""

    outboxes: Sequence[OutboxModel] = Field(
        min_length=1, description="The outboxes, each under a name of its own."
    )

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Return the definitions of every outbox, merged. Raises UsageError where two have the same name."""
        names = [outbox.name for outbox in self.outboxes]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise UsageError(
                f"two outboxes have the name {twice[0]!r}", hint="Give each outbox a `name` of its own."
            )
        return dg.Definitions.merge(*(outbox.build_defs() for outbox in self.outboxes))

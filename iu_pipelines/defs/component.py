"""A `dg` component that adds one or more outboxes to a code location from YAML."""

from collections.abc import Sequence

import dagster as dg
from pydantic import Field

from iu_pipelines.defs.factory import build_defs
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.resources import GatewayResource
from iu_pipelines.errors import UsageError


class OutboxModel(dg.Resolvable, Mount):
    """The configuration of one outbox: the fields of `Mount`, and where its database URL is found."""

    database_url_variable: str = Field(
        description="The environment variable with the postgresql:// URL. It is read at run time.",
    )

    def build_defs(self) -> dg.Definitions:
        """Return the definitions of this outbox. Raises UsageError if `running` has an unknown name."""
        gateway = GatewayResource(database_url=dg.EnvVar(self.database_url_variable))
        return build_defs(self, resources={self.resource_key: gateway})


class OutboxComponent(dg.Component, dg.Resolvable, dg.Model):
    """The assets, checks, jobs, schedules and sensors of one or more outboxes."""

    outboxes: Sequence[OutboxModel] = Field(
        min_length=1, description="The outboxes. Each must have a different name."
    )

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Return the merged definitions of every outbox. Raises UsageError if two have the same name."""
        names = [outbox.name for outbox in self.outboxes]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise UsageError(
                f"two outboxes have the name {twice[0]!r}", hint="Give each outbox a different `name`."
            )
        return dg.Definitions.merge(*(outbox.build_defs() for outbox in self.outboxes))

"""The resource by which an asset reads the events of its run."""

from __future__ import annotations

from typing import Any

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.defs import event_runs
from iu_pipelines.defs.kit.event_jobs import Event
from iu_pipelines.defs.kit.resources import SenderResource
from iu_pipelines.errors import UsageError


class EventsResource(SenderResource):
    """The events that a run has claimed, for the assets of an `event_asset_job`."""

    def read(self, context: Any, target: str | None = None) -> list[Event]:
        """Return the events of the run of a context, in the order of their claims.

        There is none in a run that claimed nothing, such as one that only materializes this asset. With
        `target`, those of this target only: *Materialize* can make the assets of several in one run.

        Raises:
            UsageError: the run has claimed events of several targets, and none is named.
        """
        with Gateway(self.url(), application_name="iu event run") as gateway:
            claims = event_runs.claims_of(context, gateway)
        names = sorted({one.target for one in claims})
        if target is None and len(names) > 1:
            raise UsageError(
                f"this run has claimed events of several targets: {', '.join(names)}",
                hint=f'Name the one of this asset: events.read(context, target="{names[0]}").',
            )
        return [Event.of(one.claim) for one in claims if target in (None, one.target)]

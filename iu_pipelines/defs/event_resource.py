"""The resource by which an asset reads the events of its run."""

from __future__ import annotations

from typing import Any

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.defs import event_runs
from iu_pipelines.defs.kit.event_jobs import Event
from iu_pipelines.defs.kit.resources import SenderResource


class EventsResource(SenderResource):
    """The events that a run has claimed, for the assets of an `event_asset_job`."""

    def read(self, context: Any) -> list[Event]:
        """Return the events of the run of a context, in the order of their claims.

        There is none in a run that claimed nothing, such as one that only materializes this asset.
        """
        with Gateway(self.url(), application_name="iu event run") as gateway:
            return [Event.of(claim) for claim in event_runs.claims_of(context, gateway)]

"""The outbox as an observed asset."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dagster as dg

from defs.code_location import Location, records
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.outbox import OUTBOX
from iu_pipelines.domain import worker

Emit = Callable[[int], list[Any]]


def test_the_outbox_can_be_observed_by_hand(location: Location, emit: Emit) -> None:
    emit(5)
    job = location.definitions.resolve_implicit_global_asset_job_def().get_subset(
        asset_selection={dg.AssetKey("event_outbox")}
    )
    result = job.execute_in_process(instance=location.instance)
    (observed,) = result.get_asset_observation_events()[:1]
    metadata = observed.asset_observation_data.asset_observation.metadata
    assert metadata["events"].value == 5
    assert isinstance(metadata["newest_event_at"], dg.TimestampMetadataValue)
    (row,) = records(metadata["by_type"].value)
    assert (row["event type"], row["events"]) == ("version_applied", 5)


def test_the_outbox_shows_the_events_of_the_domains_that_the_workers_read(
    location: Location, gateway: Gateway, emit: Emit
) -> None:
    emit(1)
    gateway.execute("select public.fn_iu_route_worker_run('iu_outbound_default', 100)")
    gateway.execute("update public.event_type_registry set event_domain = 'shop'")
    emit(2)
    mount = Mount(workers=("iu_outbound_default", "shop_worker"))
    worker.add(gateway, "shop_worker", "shop", "test")
    observed = OUTBOX.observation(gateway, mount).metadata
    assert (observed["domains"].value, observed["events"].value) == ("iu, shop", 3)

"""`build_defs`: the Dagster definitions of one outbox."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Final

import dagster as dg

from iu_pipelines.defs import (
    actions,
    batches,
    dead_letters,
    deliveries,
    event_jobs,
    events,
    evidence,
    gates,
    health,
    inbound,
    notifications,
    outbox,
    prune,
    retention,
    routes,
    simulations,
    steps,
    targets,
    worker,
)
from iu_pipelines.defs.event_resource import EventsResource
from iu_pipelines.defs.kit.code_references import with_references
from iu_pipelines.defs.kit.configuration import Mount, require_mount
from iu_pipelines.defs.kit.resources import GatewayResource, SenderResource

NOUNS: Final = (
    *(inbound, gates, routes, outbox, events, worker, batches, dead_letters, steps, evidence, retention),
    *(actions, simulations, targets, deliveries, event_jobs),
)
"""Modules whose function `definitions` takes only a mount."""

ABOUT_OTHERS: Final = (health, notifications, prune)
"""Modules whose function `definitions` also takes the definitions of the other modules.

`health` runs their checks; `notifications` reports their failures; `prune` deletes the history of their runs.
"""


def build_defs(
    mount: Mount | None = None, *, resources: Mapping[str, object] | None = None
) -> dg.Definitions:
    """Return the definitions of one outbox, which can be merged into those of a code location.

    They contain no executor and no logger, so those of the code location stay as they are.

    The URL of the database is in the environment variable that the mount names. `resources` overrides
    resources by key, for example in a test. In a code location with several outboxes, each `mount` needs a
    different name.

    Raises:
        UsageError: `mount` is no Mount, or `mount.running` contains an unknown name.
    """
    require_mount(mount)
    # Owners, code references and observable assets are beta features, and Dagster warns about each use.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=dg.BetaWarning)
        return _build(mount or Mount(), resources or {})


def outbox_definitions(mount: Mount, *, with_sensors: bool = True) -> dg.Definitions:
    """Return the definitions of one outbox without resources and code references.

    In a fleet they have only the sensors of event jobs: those of the fleet ask all outboxes.

    Raises:
        UsageError: `mount.running` contains an unknown name.
    """
    built = dg.Definitions.merge(*(noun.definitions(mount) for noun in NOUNS))
    for noun in ABOUT_OTHERS:
        built = dg.Definitions.merge(built, noun.definitions(mount, built))
    of_events = {mount.named(f"{job.name}_sensor") for job in mount.event_jobs}
    sensors = [one for one in built.sensors or () if with_sensors or one.name in of_events]
    mount.require_running({one.name for one in (*(built.schedules or ()), *sensors)})
    return dg.Definitions(
        assets=built.assets,
        asset_checks=built.asset_checks,
        jobs=built.jobs,
        schedules=built.schedules,
        sensors=sensors,
    )


def _build(mount: Mount, resources: Mapping[str, object]) -> dg.Definitions:
    built = outbox_definitions(mount)
    return dg.Definitions(
        assets=with_references(list(built.assets or ())),
        asset_checks=built.asset_checks,
        jobs=built.jobs,
        schedules=built.schedules,
        sensors=built.sensors,
        resources={
            mount.resource_key: GatewayResource.of(mount.database_url_variable),
            mount.sender_key: SenderResource.of(
                mount.sender_database_url_variable, mount.database_url_variable
            ),
            **events_resource(mount),
            **resources,
        },
    )


def events_resource(mount: Mount) -> Mapping[str, object]:
    """Return the resource of events, only with event jobs: a project may have its own with this name."""
    if not mount.event_jobs:
        return {}
    urls = mount.sender_database_url_variable, mount.database_url_variable
    return {mount.named("events"): EventsResource.of(*urls)}

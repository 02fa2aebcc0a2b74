"""`build_defs`: the Dagster definitions of one outbox."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Final

import dagster as dg

from iu_pipelines.defs import (
    dead_letters,
    evidence,
    gates,
    health,
    inbound,
    outbox,
    prune,
    retention,
    steps,
    worker,
)
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.console_logger import LOGGER, console
from iu_pipelines.defs.kit.resources import GatewayResource

NOUNS: Final = (inbound, outbox, worker, dead_letters, gates, steps, evidence, retention)
"""Modules whose `definitions` take only a mount."""

ABOUT_OTHERS: Final = (health, prune)
"""Modules whose `definitions` also take those built before: checks to run, history to prune."""


def build_defs(
    mount: Mount | None = None, *, resources: Mapping[str, object] | None = None
) -> dg.Definitions:
    """Return the definitions of one outbox, ready to be merged into a code location.

    `resources` overrides resources by key, for example with a `GatewayResource` that has the URL of another
    database. Each of several outboxes needs a name. Raises UsageError if `mount.running` names no schedule or
    sensor.
    """
    # Owners, code references and observable assets are beta in Dagster, which warns about each use.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=dg.BetaWarning)
        return _build(mount or Mount(), resources or {})


def _build(mount: Mount, resources: Mapping[str, object]) -> dg.Definitions:
    built = dg.Definitions.merge(*(noun.definitions(mount) for noun in NOUNS))
    for noun in ABOUT_OTHERS:
        built = dg.Definitions.merge(built, noun.definitions(mount, built))
    mount.require_running({one.name for one in (*(built.schedules or ()), *(built.sensors or ()))})
    return dg.Definitions(
        assets=dg.with_source_code_references(list(built.assets or ())),
        asset_checks=built.asset_checks,
        jobs=built.jobs,
        schedules=built.schedules,
        sensors=built.sensors,
        resources={mount.resource_key: GatewayResource(), **resources},
        executor=dg.in_process_executor,
        loggers={LOGGER: console},
    )

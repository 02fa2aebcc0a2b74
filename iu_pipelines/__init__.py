"""Governed event routing on PostgreSQL, orchestrated by Dagster.

The names of `__all__` are imported on first use, because they import Dagster. Without Dagster this raises
ExtraMissing, which is an ImportError.
"""

from __future__ import annotations

TYPE_CHECKING = False  # importing `typing` takes several milliseconds, in which Ctrl-C prints a traceback
if TYPE_CHECKING:
    from typing import Any, Final

    from iu_pipelines.defs.component import FleetComponent, OutboxComponent
    from iu_pipelines.defs.event_resource import EventsResource
    from iu_pipelines.defs.factory import build_defs
    from iu_pipelines.defs.fleet import build_fleet_defs
    from iu_pipelines.defs.kit.configuration import Mount
    from iu_pipelines.defs.kit.event_jobs import Event, event_asset_job, event_job
    from iu_pipelines.defs.targets import target_key

__version__ = "0.2.0"

__all__ = [
    "Event",
    "EventsResource",
    "FleetComponent",
    "Mount",
    "OutboxComponent",
    "build_defs",
    "build_fleet_defs",
    "event_asset_job",
    "event_job",
    "target_key",
]

_MODULES: Final = {
    "Event": "iu_pipelines.defs.kit.event_jobs",
    "EventsResource": "iu_pipelines.defs.event_resource",
    "FleetComponent": "iu_pipelines.defs.component",
    "Mount": "iu_pipelines.defs.kit.configuration",
    "OutboxComponent": "iu_pipelines.defs.component",
    "build_defs": "iu_pipelines.defs.factory",
    "build_fleet_defs": "iu_pipelines.defs.fleet",
    "event_asset_job": "iu_pipelines.defs.kit.event_jobs",
    "event_job": "iu_pipelines.defs.kit.event_jobs",
    "target_key": "iu_pipelines.defs.targets",
}


def __dir__() -> list[str]:
    """Return the names of this module, by which `dg` finds the component."""
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib  # noqa: PLC0415  see TYPE_CHECKING

    extras = importlib.import_module("iu_pipelines.extras")
    extras.require("dagster", "dagster")
    return getattr(importlib.import_module(_MODULES[name]), name)

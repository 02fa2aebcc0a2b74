"""Governed event routing on PostgreSQL, orchestrated by Dagster.

`build_defs`, `build_fleet_defs`, `Mount` and the components are imported on first use, because they import
Dagster. Without Dagster this raises ExtraMissing, which is an ImportError.
"""

from __future__ import annotations

TYPE_CHECKING = False  # importing `typing` takes several milliseconds, in which Ctrl-C prints a traceback
if TYPE_CHECKING:
    from typing import Any, Final

    from iu_pipelines.defs.component import FleetComponent, OutboxComponent
    from iu_pipelines.defs.factory import build_defs
    from iu_pipelines.defs.fleet import build_fleet_defs
    from iu_pipelines.defs.kit.configuration import Mount

__version__ = "0.1.0"

__all__ = ["FleetComponent", "Mount", "OutboxComponent", "build_defs", "build_fleet_defs"]

_MODULES: Final = {
    "FleetComponent": "iu_pipelines.defs.component",
    "Mount": "iu_pipelines.defs.kit.configuration",
    "OutboxComponent": "iu_pipelines.defs.component",
    "build_defs": "iu_pipelines.defs.factory",
    "build_fleet_defs": "iu_pipelines.defs.fleet",
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

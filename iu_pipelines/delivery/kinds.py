"""The kinds of targets: those of this package and those of others, by entry points."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Final

from iu_pipelines.delivery.kind import TargetKind
from iu_pipelines.errors import ArgumentInvalid, ExtraMissing, UsageError

GROUP: Final = "iu_pipelines.targets"
"""The entry point group. Each entry point has the name of a kind, and its class as the object."""


def names() -> list[str]:
    """Return the kinds that are installed, in alphabetical order."""
    return sorted({point.name for point in entry_points(group=GROUP)})


def load(kind: str) -> type[TargetKind]:
    """Return the class of a kind.

    Raises:
        ArgumentInvalid: no installed distribution has such a kind.
        ExtraMissing: a package of its extra is not installed.
        UsageError: its module cannot be imported.
    """
    for point in entry_points(group=GROUP, name=kind):
        try:
            found: type[TargetKind] = point.load()
        except ExtraMissing:
            raise
        except ImportError as error:
            raise UsageError(
                f"the sender for targets of kind {kind!r} cannot be imported: {error}",
                hint=f"Repair the distribution that brings {point.value}.",
            ) from error
        return found
    raise ArgumentInvalid(
        f"no sender for targets of kind {kind!r} is installed",
        hint=f"Install the distribution that has this kind, or give one of: {', '.join(names())}.",
    )

"""Targets of kind `dagster_job` and `dagster_asset`: each delivery starts a run of Dagster.

The job is declared in a code location (`iu_pipelines.event_job`), whose sensor requests the runs. The run
claims the deliveries and records their outcomes, so a drain sends nothing to such a target.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

from iu_pipelines.delivery.pull import PullTarget
from iu_pipelines.delivery.secrets import shown
from iu_pipelines.errors import ArgumentInvalid

_RANGES: Final = {"events_per_run": (1, 1000), "max_runs": (1, 1000), "max_run_seconds": (1, 604_800)}


@dataclass(frozen=True)
class RunOptions:
    """The options of such a target, with their defaults.

    A run gets at most `events_per_run` events, each of another subject. At most `max_runs` runs of the target
    are unfinished at a time. Dagster ends a run after `max_run_seconds`.
    """

    events_per_run: int = 1
    max_runs: int = 50
    max_run_seconds: int = 3600

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Self:
        """Return the options of a target, which were checked when it was defined."""
        return cls(**{name: options[name] for name in _RANGES if name in options})


class DagsterJobTarget(PullTarget):
    """A job of Dagster with a function that is called for each event."""

    kind: ClassVar[str] = "dagster_job"
    why_no_address: ClassVar[str] = "its deliveries are runs of Dagster, which the code location starts."

    @classmethod
    def check(
        cls, address: str, options: Mapping[str, Any], secret_name: str | None, *, private: bool
    ) -> None:
        """Check that there is no address and no secret, and that options are in range.

        Raises:
            ArgumentInvalid: there is one, or an option is unknown or out of range.
        """
        super().check(address, {}, secret_name, private=private)
        for name, value in sorted(options.items()):
            if name not in _RANGES:
                raise ArgumentInvalid(
                    f"unknown option {shown(name)} of a target of kind {cls.kind}",
                    hint=f"Known: {', '.join(_RANGES)}.",
                )
            least, most = _RANGES[name]
            if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
                raise ArgumentInvalid(
                    f"option {name!r} is not a whole number from {least} to {most}",
                    hint=f"Write --option {name}=NUMBER.",
                )


class DagsterAssetTarget(DagsterJobTarget):
    """Assets of Dagster that are materialized for events."""

    kind: ClassVar[str] = "dagster_asset"


KINDS: Final = (DagsterJobTarget.kind, DagsterAssetTarget.kind)
"""The kinds whose deliveries are claimed by runs of jobs that were declared for them."""

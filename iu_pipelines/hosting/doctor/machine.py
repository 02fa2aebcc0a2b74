"""What the checks of this machine may read, and the list of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from iu_pipelines.domain.doctor.findings import Checks
from iu_pipelines.settings import Settings


@dataclass(frozen=True)
class Machine:
    """The settings of this process, the URL of the database if it is known, and the port of the web UI."""

    settings: Settings
    database_url: str | None
    port: int


ENVIRONMENT: Final[Checks[None]] = Checks()
"""Checks that need no valid settings."""

MACHINE: Final[Checks[Machine]] = Checks()
"""Checks of this machine: its disk and ports."""

DAGSTER: Final[Checks[Machine]] = Checks()
"""Checks of Dagster, which run if it is installed."""

DELIVERY: Final[Checks[Machine]] = Checks()
"""Checks of what a sender needs, which run if the database answers."""

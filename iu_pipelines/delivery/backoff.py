"""Pauses between attempts that grow and are jittered, and the outages of the database that are endured."""

from __future__ import annotations

import random
import time
from typing import Final

from iu_pipelines.errors import ConnectionFailed, IuError, Unavailable

OUTAGE_SECONDS: Final = 60.0
"""How long the database may be unreachable before nothing more is claimed."""

_FIRST: Final = 0.05
_LONGEST: Final = 1.0


class Backoff:
    """Pauses in seconds: each up to twice as long as the one before, about one second at most."""

    def __init__(self) -> None:
        self._next = _FIRST

    def reset(self) -> None:
        """Begin again with the shortest pause."""
        self._next = _FIRST

    def pause(self) -> float:
        """Return the next pause."""
        pause = self._next * random.uniform(0.75, 1.25)  # noqa: S311  no secret
        self._next = min(_LONGEST, self._next * 2)
        return pause


class Outage:
    """How long the calls of one loop have failed because the database is unreachable or busy."""

    def __init__(self) -> None:
        self._since: float | None = None

    def over(self) -> None:
        """Note that a call succeeded."""
        self._since = None

    def endure(self, error: IuError) -> None:
        """Return if another attempt may succeed, for at most OUTAGE_SECONDS; raise the error otherwise."""
        if not is_passing(error):
            raise error
        now = time.monotonic()
        self._since = self._since or now
        if now - self._since > OUTAGE_SECONDS:
            raise error


def is_passing(error: IuError) -> bool:
    """Return whether the database is unreachable or busy, so that another attempt may succeed."""
    return isinstance(error, ConnectionFailed | Unavailable)

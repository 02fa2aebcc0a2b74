"""Pauses between attempts that grow and are jittered, and the outages of the database that are endured."""

from __future__ import annotations

import math
import random
import time
from dataclasses import dataclass
from typing import Final

from iu_pipelines.errors import ConnectionFailed, IuError, Unavailable

OUTAGE_SECONDS: Final = 60.0
"""How long the database may be unreachable before nothing more is claimed."""

_FIRST: Final = 0.05
_LONGEST: Final = 1.0


@dataclass(frozen=True)
class Patience:
    """How a sender waits: its longest pause, for how long it endures an outage, and whether it ever ends.

    Without `ends` it waits also while a gate is closed, everything is held or nothing is due.
    """

    longest_seconds: float = _LONGEST
    outage_seconds: float = OUTAGE_SECONDS
    ends: bool = True


DRAINING: Final = Patience()
STAYING: Final = Patience(longest_seconds=2.0, outage_seconds=math.inf, ends=False)


class Backoff:
    """Pauses in seconds: each up to twice as long as the one before, about `longest` at most."""

    def __init__(self, longest: float = _LONGEST) -> None:
        self._next = _FIRST
        self._longest = longest

    def reset(self) -> None:
        """Begin again with the shortest pause."""
        self._next = _FIRST

    def pause(self) -> float:
        """Return the next pause."""
        pause = self._next * random.uniform(0.75, 1.25)  # noqa: S311  no secret
        self._next = min(self._longest, self._next * 2)
        return pause


class Outage:
    """How long the calls of one loop have failed because the database is unreachable or busy."""

    def __init__(self, seconds: float = OUTAGE_SECONDS) -> None:
        self._since: float | None = None
        self._seconds = seconds

    def over(self) -> None:
        """Note that a call succeeded."""
        self._since = None

    def endure(self, error: IuError) -> None:
        """Return if another attempt may succeed, for at most `seconds`; raise the error otherwise."""
        if not is_passing(error):
            raise error
        now = time.monotonic()
        self._since = self._since or now
        if now - self._since > self._seconds:
            raise error


def is_passing(error: IuError) -> bool:
    """Return whether the database is unreachable or busy, so that another attempt may succeed."""
    return isinstance(error, ConnectionFailed | Unavailable)

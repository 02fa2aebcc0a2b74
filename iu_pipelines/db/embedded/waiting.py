"""Timeouts of the embedded server, and polling for a condition."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

START_SECONDS: Final = 60.0
"""The time limit for a start, until the server accepts connections."""

STOP_SECONDS: Final = 30.0
"""The time limit for a fast shutdown, after which an immediate one is requested."""

POLL_SECONDS: Final = 0.02
"""The pause between two evaluations of a condition."""


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Poll until the condition is true; return False when it is still false after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True

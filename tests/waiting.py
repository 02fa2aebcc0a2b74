"""Wait in tests for a condition with a generous limit, and never for a fixed time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

Answer = TypeVar("Answer")

PATIENCE: Final = 120.0
"""Seconds until a test gives up: many times what a loaded machine needs."""

AT_ONCE: Final = 25.0
"""Seconds that stand for "without waiting": the shortest timeout that must not be waited for is 30 s."""


def eventually(condition: Callable[[], Answer | None], what: str = "", *, pause: float = 0.02) -> Answer:
    """Return the first true answer of `condition`. AssertionError names `what` after PATIENCE seconds."""
    deadline = time.monotonic() + PATIENCE
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"still not true after {PATIENCE:.0f} s: {what or condition}"
        time.sleep(pause)
    return answer

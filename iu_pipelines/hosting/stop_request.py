"""Ctrl-C and SIGTERM as a request to stop, so that what was started is always ended in order."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


@dataclass
class StopRequest:
    """Whether somebody asked us to stop."""

    made: bool = False


@contextmanager
def stop_request() -> Iterator[StopRequest]:
    """Yield a request that Ctrl-C or SIGTERM makes, in place of what these signals do otherwise."""
    request = StopRequest()

    def make(_number: int, _frame: FrameType | None) -> None:
        request.made = True

    before = {number: signal.signal(number, make) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

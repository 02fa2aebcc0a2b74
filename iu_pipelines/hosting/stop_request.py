"""Ctrl-C and SIGTERM as a request to stop, so that processes are always stopped in order."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


@dataclass
class StopRequest:
    """Whether a stop was requested."""

    made: bool = False


@contextmanager
def stop_request() -> Iterator[StopRequest]:
    """Yield a request that SIGINT and SIGTERM set; restore the previous signal handlers at the end."""
    request = StopRequest()

    def make(_number: int, _frame: FrameType | None) -> None:
        request.made = True

    before = {number: signal.signal(number, make) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

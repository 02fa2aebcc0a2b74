"""Deferral of a cancellation: the signals that end a run wait for the end of a batch or a replay."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class _Received:
    """Whether a signal arrived in a block of `deferred_cancellation`."""

    signal = False


@contextmanager
def deferred_cancellation() -> Iterator[None]:
    """Do not interrupt the block by a cancellation: only `is_cancelled` tells it.

    Python handles signals in the main thread only. In another thread the block runs as it is.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    try:
        for number in _SIGNALS:
            signal.signal(number, lambda _number, _frame: setattr(_Received, "signal", True))
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)
        _Received.signal = False


def is_cancelled() -> bool:
    """Return whether a cancellation arrived since the start of the current block."""
    return _Received.signal

"""SIGINT and SIGTERM while a drain runs: the first asks it to stop, the second ends the process at once."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def on_signal(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` in the running loop at the first signal; what was installed before gets the second.

    Signals that are ignored stay ignored. Only the main thread can handle signals: elsewhere this does
    nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    before = {number: handler for number, handler in before.items() if handler is not signal.SIG_IGN}

    def restore() -> None:
        while before:
            number, handler = before.popitem()
            loop.remove_signal_handler(number)
            signal.signal(number, handler)

    def first(*_: Any) -> None:
        restore()
        stop()

    for number in before:
        loop.add_signal_handler(number, first)
    try:
        yield
    finally:
        restore()

"""Threads that do something again and again beside a test."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def running(stop: threading.Event, *loops: Callable[[], None]) -> Iterator[None]:
    """Run each loop in a thread; at the end set `stop`, which every loop obeys, and wait for all."""
    threads = [threading.Thread(target=loop) for loop in loops]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()

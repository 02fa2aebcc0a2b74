"""A time limit for many sends at once, by one timer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

_Answer = TypeVar("_Answer")


class Deadline:
    """Cancels each send that takes longer than `seconds`.

    `asyncio.timeout` would set and cancel a timer for each send, which is a tenth of what a send costs. All
    sends have the same limit, so the one that began first is late first, and one timer serves all.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ends: dict[asyncio.Task[object], float] = {}
        self._late: set[asyncio.Task[object]] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def limit(self, sending: Awaitable[_Answer]) -> _Answer:
        """Return what `sending` returns.

        Raises:
            TimeoutError: it took longer, and was cancelled.
        """
        task = asyncio.current_task()
        if task is None:
            raise AssertionError("unreachable: every coroutine runs in a task")
        loop = asyncio.get_running_loop()
        self._ends[task] = ends = loop.time() + self._seconds
        if self._timer is None:
            self._timer = loop.call_at(ends, self._cancel_late)
        try:
            return await sending
        except asyncio.CancelledError:
            if task in self._late and task.cancelling() == 1:
                raise TimeoutError from None
            raise
        finally:
            del self._ends[task]
            if task in self._late:
                self._late.remove(task)
                task.uncancel()

    def _cancel_late(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None
        for task, ends in self._ends.items():
            if ends > loop.time():
                self._timer = loop.call_at(ends, self._cancel_late)
                return
            if task not in self._late:
                self._late.add(task)
                task.cancel()

"""The enqueuer of one route: it queues events as they are emitted, beside the sending."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from iu_pipelines.delivery.backoff import DRAINING, Backoff, Outage, Patience
from iu_pipelines.delivery.calls import Calls
from iu_pipelines.errors import IuError

_GATES: Final = ("master_gate_closed", "worker_gate_closed", "delivery_gate_closed")


class Enqueuer:
    """Queues the events of one route. `on_queued` is called whenever deliveries were queued.

    `is_idle` is true while the last call read nothing, because there was nothing or because of `refusal`.
    """

    def __init__(
        self,
        calls: Calls,
        route_code: str,
        limit: int,
        on_queued: Callable[[], None],
        patience: Patience = DRAINING,
    ) -> None:
        self.route_code = route_code
        self.queued = 0
        self.is_idle = False
        self.refusal: str | None = None
        self._calls = calls
        self._limit = limit
        self._on_queued = on_queued
        self._patience = patience
        self._over = asyncio.Event()

    @property
    def is_closed_by_gate(self) -> bool:
        """Return whether a gate is the reason."""
        return self.refusal in _GATES

    def stop(self) -> None:
        """Let `run` return after the call that it makes."""
        self._over.set()

    async def run(self) -> None:
        """Queue events until `stop` is called.

        Raises:
            IuError: the database refuses, or was unreachable for too long.
        """
        backoff, outage = Backoff(self._patience.longest_seconds), Outage(self._patience.outage_seconds)
        while not self._over.is_set():
            try:
                seen = await self._enqueue()
                outage.over()
            except IuError as error:
                outage.endure(error)
                seen = 0
            if seen:
                backoff.reset()
            else:
                await self._pause(backoff.pause())

    async def _enqueue(self) -> int:
        """Make one call and return how many events it read."""
        answer = await self._calls.enqueue(self.route_code, self._limit)
        self.queued += answer.queued
        refused = answer.status not in ("ran", "busy")
        self.refusal = (answer.reason or answer.status) if refused else None
        if answer.queued:
            self._on_queued()
        self.is_idle = answer.status != "busy" and answer.seen == 0
        return answer.seen

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._over.wait()
        except TimeoutError:
            return

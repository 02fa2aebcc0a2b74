"""The recorder: it keeps outcomes until the database has them, and records them in batches.

An outcome is a fact, so it is recorded always: also while the sender stops, and after an outage however long
it lasts. Recording one again changes nothing, so a call whose answer was lost is repeated.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, fields
from itertools import islice
from typing import Final

from iu_pipelines.delivery.backoff import Backoff, is_passing
from iu_pipelines.domain.deliveries import Outcome, Recorded
from iu_pipelines.errors import IuError

BATCH: Final = 200
"""Outcomes of one call, at most."""

_DELAY_SECONDS: Final = 0.02
"""How long an outcome waits for others while sends are running."""


@dataclass
class Tally:
    """Totals of the outcomes that were recorded. `unrecorded` ones the database refused."""

    sent: int = 0
    retry: int = 0
    failed: int = 0
    stale: int = 0
    demoted: int = 0
    unrecorded: int = 0

    def add(self, recorded: Recorded) -> None:
        """Add the answer of one call."""
        for name in ("sent", "retry", "failed", "stale", "demoted"):
            setattr(self, name, getattr(self, name) + getattr(recorded, name))


class Recorder:
    """Records the outcomes of one target.

    `record` makes one call. `is_last` tells whether nothing is being sent, so that waiting for more outcomes
    is useless. `on_recorded` is called with the number of outcomes after each call.
    """

    def __init__(
        self,
        record: Callable[[Sequence[Outcome]], Awaitable[Recorded]],
        is_last: Callable[[], bool],
        on_recorded: Callable[[int], None],
    ) -> None:
        self.tally = Tally()
        self.refusal: IuError | None = None
        self._record = record
        self._is_last = is_last
        self._on_recorded = on_recorded
        self._waiting: dict[int, Outcome] = {}
        self._news = asyncio.Event()
        self._is_closed = False

    def __len__(self) -> int:
        """Return the number of outcomes that are not recorded yet."""
        return len(self._waiting)

    def add(self, outcome: Outcome) -> None:
        """Keep an outcome until it is recorded."""
        self._waiting[outcome.claim_id] = outcome
        self._news.set()

    def close(self) -> None:
        """Let `run` return when everything is recorded."""
        self._is_closed = True
        self._news.set()

    async def run(self) -> None:
        """Record outcomes until `close` was called and none is left."""
        while self._waiting or not self._is_closed:
            await self._news.wait()
            self._news.clear()
            await self._wait_for_more()
            while self._waiting and (self._is_full or self._is_closed or self._is_last()):
                await self._record_some()
            if self._waiting:
                await self._record_some()

    @property
    def _is_full(self) -> bool:
        return len(self._waiting) >= BATCH

    async def _wait_for_more(self) -> None:
        if not (self._is_full or self._is_closed or self._is_last()):
            await asyncio.sleep(_DELAY_SECONDS)

    async def _record_some(self) -> None:
        batch = list(islice(self._waiting.values(), BATCH))
        await self._record_surely(batch)
        for outcome in batch:
            del self._waiting[outcome.claim_id]
        self._on_recorded(len(batch))

    async def _record_surely(self, batch: Sequence[Outcome]) -> None:
        """Record a batch. If the database refuses it, record its halves, and give up a single outcome."""
        try:
            self.tally.add(await self._record_patiently(batch))
        except IuError as error:
            if len(batch) > 1:
                middle = len(batch) // 2
                await self._record_surely(batch[:middle])
                await self._record_surely(batch[middle:])
            elif (plain := _plain(batch[0])) != batch[0]:
                await self._record_surely([plain])
            else:
                self.refusal = error
                self.tally.unrecorded += 1

    async def _record_patiently(self, batch: Sequence[Outcome]) -> Recorded:
        """Record a batch; repeat it until the database answers."""
        backoff = Backoff()
        while True:
            try:
                return await self._record(batch)
            except IuError as error:
                if not is_passing(error):
                    raise
            await asyncio.sleep(backoff.pause())


def _plain(outcome: Outcome) -> Outcome:
    """Return the outcome with nothing but its claim, its decision and whose fault it was."""
    kept = {"claim_id", "fence", "decision", "local_fault"}
    given = {field.name: getattr(outcome, field.name) for field in fields(outcome) if field.name in kept}
    return Outcome(**given)

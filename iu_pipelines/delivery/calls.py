"""The calls of a sender to the database, from the event loop, by threads.

There are three gateways with threads of their own: a record never waits for a connection or a thread that a
claim has, nor a claim for the enqueuers, of which each route has one. Each gateway has as many connections as
threads, so no call waits for a connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, TypeVar

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import deliveries, delivery_plans, targets
from iu_pipelines.domain.deliveries import Claim, Enqueued, Outcome, Recorded, TargetQueue
from iu_pipelines.domain.targets import GrantedTarget

_Answer = TypeVar("_Answer")

_THREADS: Final = 4
_ENQUEUING_THREADS: Final = 2
_LOCK_SECONDS: Final = 10
_IDLE_SECONDS: Final = 5
"""How long a transaction may wait for this process: a frozen one holds its target so long."""


@dataclass(frozen=True)
class Identity:
    """Who claims: the name of the sender, the deployment that it presents, and the run that it belongs to."""

    sender: str
    deployment: str | None = None
    run_ref: str | None = None


@dataclass(frozen=True)
class Claimed:
    """The claims of one call. They are not `current` if the definition of the target has changed since."""

    claims: list[Claim]
    is_current: bool


class Calls:
    """The database as one sender uses it. Each call runs in a thread and raises IuError when it fails."""

    def __init__(self, url: str, identity: Identity) -> None:
        self.identity = identity
        self._claims = _Lane(url, "iu sender claims")
        self._records = _Lane(url, "iu sender records")
        self._enqueuing = _Lane(url, "iu sender enqueues", _ENQUEUING_THREADS)

    async def granted(self) -> list[GrantedTarget]:
        """Return the targets that are granted to the login."""
        return await self._claims.run(targets.granted)

    async def require_installed(self) -> None:
        """Raise StepRefused unless the module `iu-delivery` is installed."""
        await self._claims.run(deliveries.require_installed)

    async def plan_target(self, plan_hash: str) -> str | None:
        """Return the target of a frozen plan, None if it is not a drain."""
        return (await self._claims.run(lambda gateway: delivery_plans.progress(gateway, plan_hash))).target

    async def enqueue(self, route_code: str, limit: int) -> Enqueued:
        """Queue the next events of a live route."""

        def call(gateway: Gateway) -> Enqueued:
            with gateway.transaction() as session:
                deliveries.present_deployment(session, self.identity.deployment)
                return deliveries.enqueue(session, route_code, limit, self.identity.run_ref)

        return await self._enqueuing.run(call)

    async def claim(self, target: GrantedTarget, limit: int, plan_hash: str | None) -> Claimed:
        """Claim due deliveries of a target, or of a frozen plan, and commit the intent to send them."""

        def call(gateway: Gateway) -> Claimed:
            sender, run_ref = self.identity.sender, self.identity.run_ref
            with gateway.transaction() as session:
                deliveries.present_deployment(session, self.identity.deployment)
                if plan_hash is None:
                    found = deliveries.claim(session, target.target_name, limit, sender, run_ref)
                else:
                    found = deliveries.claim_plan(session, plan_hash, limit, sender, run_ref)
                return Claimed(found, not found or target in targets.granted(session))

        return await self._claims.run(call)

    async def has_due(self, target: str, plan_hash: str | None) -> bool:
        """Return whether a delivery of a target, or of a frozen plan, is due, for this sender or another."""

        def call(gateway: Gateway) -> bool:
            if plan_hash is not None:
                return delivery_plans.has_due(gateway, plan_hash)
            with gateway.transaction() as session:
                deliveries.present_deployment(session, self.identity.deployment)
                return deliveries.has_due(session, target)

        return await self._claims.run(call)

    async def plan_goes_on(self, plan_hash: str) -> bool:
        """Return whether a delivery of a frozen plan is due, or claimed by this sender or another."""
        return await self._claims.run(
            lambda gateway: delivery_plans.has_due(gateway, plan_hash, or_in_flight=True)
        )

    async def release(self, target: str) -> None:
        """Give back the shards of a target that this sender leases."""
        sender = self.identity.sender
        await self._records.run(lambda gateway: deliveries.release_shards(gateway, target, sender))

    async def record(self, outcomes: Sequence[Outcome]) -> Recorded:
        """Record outcomes of one target."""
        return await self._records.run(lambda gateway: deliveries.record(gateway, outcomes))

    async def status(self) -> list[TargetQueue]:
        """Return the deliveries of every target by state."""
        return await self._claims.run(deliveries.status)

    def close(self) -> None:
        """Close the connections. A call that still runs is not waited for."""
        self._claims.close()
        self._records.close()
        self._enqueuing.close()


class _Lane:
    """One gateway, and the threads that use it."""

    def __init__(self, url: str, application_name: str, threads: int = _THREADS) -> None:
        self._gateway = Gateway(
            url,
            application_name=application_name,
            max_size=threads,
            lock_seconds=_LOCK_SECONDS,
            idle_seconds=_IDLE_SECONDS,
        )
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=application_name)

    async def run(self, call: Callable[[Gateway], _Answer]) -> _Answer:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, call, self._gateway)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._gateway.close()

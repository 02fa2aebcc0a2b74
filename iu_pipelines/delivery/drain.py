"""A drain: it delivers to all granted targets until nothing is due, a limit is reached, or it is stopped.

Each target has its own sender, so a slow target delays no other one. Everything runs in one event loop in the
calling thread; the calls to the database run in threads.
"""

from __future__ import annotations

import asyncio
import os
import secrets as random_secrets
import socket
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import reduce
from typing import Final

from iu_pipelines.delivery.calls import Calls, Identity
from iu_pipelines.delivery.interruption import on_signal
from iu_pipelines.delivery.opening import Kinds, Opener
from iu_pipelines.delivery.reports import (
    DrainLimits,
    DrainProblem,
    DrainReport,
    StoppedReason,
    TargetReport,
)
from iu_pipelines.delivery.secrets import Secrets
from iu_pipelines.delivery.sender import Sender
from iu_pipelines.delivery.unretrieved import log_unretrieved
from iu_pipelines.domain.deliveries import TargetQueue
from iu_pipelines.domain.similar import similar_names
from iu_pipelines.domain.targets import GrantedTarget
from iu_pipelines.errors import ArgumentInvalid, IuError, UnknownTarget
from iu_pipelines.settings import Settings

_WATCH_SECONDS: Final = 0.1
_PROGRESS_SECONDS: Final = 1.0


def drain(
    url: str,
    settings: Settings,
    *,
    targets: Collection[str] | None = None,
    limits: DrainLimits | None = None,
    run_ref: str | None = None,
    plan_hash: str | None = None,
    on_progress: Callable[[DrainReport], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    kinds_by_name: Kinds | None = None,
) -> DrainReport:
    """Deliver what is due to the targets that are granted to the login of `url`, or to some of them.

    With `plan_hash`, deliver only what this frozen plan names, and queue nothing. `on_progress` is called
    each second, `should_stop` ten times a second. SIGINT and SIGTERM stop the drain as `should_stop` does:
    nothing more is claimed, sends that have begun are awaited, and their outcomes are recorded. What these
    functions raise, also SystemExit, stops it in the same way, and is raised at the end. A target that cannot
    be opened is a problem in the report. If the database refuses a target, the others are served to their
    end, and then the error is raised.

    Raises:
        DeliveryRefused: the login is not a member of iu_sender, or may not deliver to a target.
        UnknownTarget: one of `targets`, or the target of the plan, is not granted to the login.
        PromotionOutdated: there is no plan with this hash.
        ArgumentInvalid: the plan is not a drain.
        DatabaseError: the database cannot be reached.
    """
    identity = Identity(sender_name(), settings.deployment, run_ref)
    given = _Drain(
        Calls(url, identity), limits or DrainLimits(), targets, plan_hash, Secrets(settings), kinds_by_name
    )
    return asyncio.run(given.run(on_progress, should_stop))


class _Drain:
    """One drain: the senders of the targets, and what became of them."""

    def __init__(
        self,
        calls: Calls,
        limits: DrainLimits,
        targets: Collection[str] | None,
        plan_hash: str | None,
        secrets: Secrets,
        kinds_by_name: Kinds | None,
    ) -> None:
        self._calls = calls
        self._limits = limits
        self._targets = targets
        self._plan_hash = plan_hash
        self._began = time.monotonic()
        self._running: dict[str, Sender] = {}
        self._reports: defaultdict[str, list[TargetReport]] = defaultdict(list)
        self._problems: list[DrainProblem] = []
        self._opener = Opener(secrets, kinds_by_name, self._problems.append)
        self._errors: list[BaseException] = []
        self._stopped: StoppedReason | None = None

    async def run(
        self, on_progress: Callable[[DrainReport], None] | None, should_stop: Callable[[], bool] | None
    ) -> DrainReport:
        log_unretrieved()
        try:
            with on_signal(lambda: self._stop("cancelled")):
                granted = await self._chosen()
                async with asyncio.TaskGroup() as group:
                    watching = group.create_task(self._watch(on_progress, should_stop))
                    serving = [group.create_task(self._serve(target)) for target in granted]
                    await asyncio.gather(*serving)
                    watching.cancel()
            if self._errors:
                raise self._errors[0]
            return await self._final()
        finally:
            self._calls.close()

    async def _chosen(self) -> list[GrantedTarget]:
        """Return the targets to serve."""
        wanted = self._targets
        if self._plan_hash is not None:
            target = await self._calls.plan_target(self._plan_hash)
            if target is None:
                raise ArgumentInvalid(
                    f"the plan {self._plan_hash} is not a drain",
                    hint="Carry it out with: iu deliver execute HASH",
                )
            wanted = [target]
        granted = await self._calls.granted()
        names = [target.target_name for target in granted]
        for name in wanted or ():
            if name not in names:
                raise UnknownTarget(
                    f"no such target is granted to this login: {name!r}",
                    hint=similar_names("targets", name, names),
                )
        return [one for one in granted if wanted is None or one.target_name in wanted]

    async def _serve(self, given: GrantedTarget) -> None:
        """Deliver to a target; open it again whenever its definition has changed."""
        target: GrantedTarget | None = given
        name = given.target_name
        try:
            while target and (target.routes or self._plan_hash) and not self._stopped:
                sender = await self._serve_version(target)
                target = await self._granted(name) if sender.is_outdated else None
        except IuError as error:
            self._problems.append(DrainProblem(name, error.message, error.hint))
            self._reports[name].append(TargetReport(name, stopped_reason="failed"))
        if self._stopped and (given.routes or self._plan_hash):
            self._note_stop(name)

    def _note_stop(self, name: str) -> None:
        """Report the stop of a target, of which no version is served when the drain is stopped."""
        reports = self._reports[name]
        if not reports or reports[-1].stopped_reason == "target_changed":
            reports.append(TargetReport(name, stopped_reason=self._stopped))

    async def _serve_version(self, target: GrantedTarget) -> Sender:
        name = target.target_name
        async with self._opener.opened(target) as kind:
            sender = Sender(target, kind, self._calls, self._limits, self._plan_hash)
            self._running[name] = sender
            try:
                if self._stopped:
                    sender.stop(self._stopped)
                await sender.run()
            finally:
                self._running.pop(name, None)
            self._reports[name].append(sender.report())
        for error in (sender.recorder.refusal, sender.error):
            if error:
                self._problems.append(DrainProblem(name, error.message, error.hint))
        self._problems += sender.failures.problems(name)
        if sender.error:
            self._errors.append(sender.error)
        return sender

    async def _granted(self, name: str) -> GrantedTarget | None:
        return next((one for one in await self._calls.granted() if one.target_name == name), None)

    def _stop(self, reason: StoppedReason) -> None:
        self._stopped = self._stopped or reason
        for sender in self._running.values():
            sender.stop(reason)

    async def _watch(
        self, on_progress: Callable[[DrainReport], None] | None, should_stop: Callable[[], bool] | None
    ) -> None:
        """Call the functions of the caller. If one raises, stop, and raise it when all is recorded."""
        told = self._began
        try:
            while True:
                await asyncio.sleep(_WATCH_SECONDS)
                now = time.monotonic()
                if should_stop and should_stop():
                    self._stop("cancelled")
                elif self._limits.max_seconds is not None and now - self._began >= self._limits.max_seconds:
                    self._stop("max_seconds")
                if on_progress and now - told >= _PROGRESS_SECONDS:
                    told = now
                    on_progress(self._report(()))
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # rich raises SystemExit if the reader of the output is gone
            if isinstance(error, KeyboardInterrupt) and self._stopped:
                raise  # the second Ctrl-C
            self._errors.append(error)
            self._stop("failed")

    async def _final(self) -> DrainReport:
        try:
            queues = await self._calls.status()
        except IuError:
            queues = []  # the counts of what is left are unknown; everything else was recorded
        return self._report(queues)

    def _report(self, queues: Sequence[TargetQueue]) -> DrainReport:
        left = {queue.target: queue for queue in queues}
        found = {name: list(reports) for name, reports in self._reports.items()}
        for name, sender in self._running.items():
            found.setdefault(name, []).append(sender.report())
        totals = [reduce(TargetReport.__add__, found[name]) for name in sorted(found)]
        reports = [_with_left(total, left.get(total.target)) for total in totals]
        return DrainReport(
            sender=self._calls.identity.sender,
            run_ref=self._calls.identity.run_ref,
            targets=tuple(reports),
            problems=tuple(sorted(self._problems, key=lambda one: one.target)),
            seconds=time.monotonic() - self._began,
        )


def _with_left(report: TargetReport, queue: TargetQueue | None) -> TargetReport:
    if queue is None:
        return report
    return replace(
        report, queued=queue.queued, in_doubt=queue.in_doubt, waiting=queue.retry, held=queue.held,
        held_reasons=tuple(queue.held_reasons or ()),
    )  # fmt: skip


def sender_name() -> str:
    """Return a name for this sender that no other has: host, process and a random number."""
    return f"{socket.gethostname()[:60]}:{os.getpid()}:{random_secrets.token_hex(4)}"

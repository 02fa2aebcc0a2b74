"""The sender as a service: it delivers to every target that is granted to its login, until it is stopped.

Unlike a drain it never ends by itself while waiting may help: it looks again and again for what is granted
and promoted, and endures outages of the database, closed gates, and targets that it cannot serve yet.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final, Literal

from iu_pipelines.delivery.backoff import STAYING, Backoff
from iu_pipelines.delivery.calls import Calls, Identity
from iu_pipelines.delivery.drain import sender_name
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
from iu_pipelines.domain.targets import GrantedTarget
from iu_pipelines.errors import (
    ConnectionFailed,
    DeliveryRefused,
    IuError,
    PermissionDenied,
    ServerTooOld,
    UsageError,
)
from iu_pipelines.settings import Settings

LOOK_SECONDS: Final = 5.0
"""How often the service reads which targets are granted, how they are defined, and their routes."""

_TICK_SECONDS: Final = 0.5
_PROGRESS_SECONDS: Final = 60.0
_LONGEST_SECONDS: Final = 10.0
"""The longest pause before a target that cannot be served is tried again."""

_REFUSED: Final = ("28", "3D")
"""Classes of SQLSTATE: the server rejects the login, or has no such database."""

_DATABASE: Final = ""

NoticeKind = Literal["served", "left", "waits", "goes_on", "problem", "recovered", "progress"]


@dataclass(frozen=True)
class Notice:
    """One thing that an operator should know. It is told once, however long it lasts.

    Without a `target` it is about all of them. `message` and `hint` contain no secret.
    """

    kind: NoticeKind
    target: str | None
    message: str
    hint: str | None = None


def stay(
    url: str,
    settings: Settings,
    *,
    targets: Collection[str] | None = None,
    limits: DrainLimits | None = None,
    run_ref: str | None = None,
    on_notice: Callable[[Notice], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    kinds_by_name: Kinds | None = None,
) -> DrainReport:
    """Deliver to the targets that are granted to the login of `url`, or to some of them, until it is stopped.

    SIGINT, SIGTERM, and `should_stop`, which is called twice a second, stop it: nothing more is claimed,
    sends that have begun are awaited, and their outcomes are recorded, however long the database is away. The
    report has no problems: they were told to `on_notice`. What these functions raise, also SystemExit, stops
    it in the same way, and is raised at the end.

    Raises:
        DeliveryRefused, PermissionDenied: the login is no sender.
        ConnectionFailed: the server rejects the login, or has no such database.
        UsageError, ServerTooOld: the URL is not valid, or the server is too old.
    """
    identity = Identity(sender_name(), settings.deployment, run_ref)
    service = _Service(Calls(url, identity), limits or DrainLimits(), targets, settings, kinds_by_name)
    return asyncio.run(service.run(on_notice or (lambda _: None), should_stop or (lambda: False)))


class _Service:
    """The senders of the targets, and what has been told about them."""

    def __init__(
        self,
        calls: Calls,
        limits: DrainLimits,
        targets: Collection[str] | None,
        settings: Settings,
        kinds_by_name: Kinds | None,
    ) -> None:
        self._calls = calls
        self._limits = limits
        self._targets = targets
        self._opener = Opener(Secrets(settings), kinds_by_name, self._tell_problem)
        self._began = self._told_at = time.monotonic()
        self._wanted: dict[str, GrantedTarget] = {}
        self._serving: dict[str, asyncio.Task[None]] = {}
        self._running: dict[str, Sender] = {}
        self._totals: dict[str, TargetReport] = {}
        self._missing: set[str] = set()
        self._problems: dict[str, str] = {}
        self._waiting: dict[str, frozenset[str]] = {}
        self._progress = (0, 0)
        self._is_installed = False
        self._error: BaseException | None = None
        self._stopped: StoppedReason | None = None
        self._over = asyncio.Event()
        self._on_notice: Callable[[Notice], None] = lambda _: None

    async def run(self, on_notice: Callable[[Notice], None], should_stop: Callable[[], bool]) -> DrainReport:
        self._on_notice = on_notice
        try:
            with on_signal(lambda: self._stop("cancelled")):
                async with asyncio.TaskGroup() as group:
                    watching = group.create_task(self._watch(should_stop))
                    await self._look_until_over(group)
                    await asyncio.gather(*self._serving.values())
                    watching.cancel()
        finally:
            self._calls.close()
        if self._error:
            raise self._error
        return self._report()

    async def _look_until_over(self, group: asyncio.TaskGroup) -> None:
        """Serve each target that is granted, from the moment it is, until the service is stopped."""
        while not self._over.is_set():
            await self._look()
            for name in self._wanted:
                if not self._over.is_set() and (name not in self._serving or self._serving[name].done()):
                    self._serving[name] = group.create_task(self._serve(name))
            await self._wait(LOOK_SECONDS)

    async def _look(self) -> bool:
        """Read what is granted, and stop the senders of other definitions. Return whether it was read."""
        try:
            if not self._is_installed:
                await self._calls.require_installed()
                self._is_installed = True
            granted = await self._calls.granted()
        except IuError as error:
            if _is_final(error):
                self._fail(error)
            else:
                self._tell_problem(DrainProblem(_DATABASE, error.message, error.hint))
            return False
        self._recover(_DATABASE, "the database answers again")
        self._choose(granted)
        return True

    def _choose(self, granted: Sequence[GrantedTarget]) -> None:
        names = {one.target_name for one in granted}
        missing = {name for name in self._targets or () if name not in names}
        for name in sorted(missing - self._missing):
            self._tell("waits", name, "waits: no such target is granted to this login")
        self._missing = missing
        chosen = [one for one in granted if self._targets is None or one.target_name in self._targets]
        self._wanted = {one.target_name: one for one in chosen if one.routes}
        for name, sender in self._running.items():
            if self._wanted.get(name) != sender.target:
                sender.stop("target_changed")

    async def _serve(self, name: str) -> None:
        """Deliver to a target as long as it is wanted, whatever its definition is."""
        backoff = Backoff(_LONGEST_SECONDS)
        self._tell("served", name, "is served")
        while not self._over.is_set() and (target := self._wanted.get(name)):
            if await self._serve_version(target):
                backoff.reset()
            else:
                await self._wait(backoff.pause())
            while not self._over.is_set() and not await self._look():
                await self._wait(backoff.pause())
        self._waiting.pop(name, None)
        if not self._over.is_set():
            self._problems.pop(name, None)
            self._tell("left", name, "is not granted to this login any more")

    async def _serve_version(self, target: GrantedTarget) -> bool:
        """Deliver to one version of a target. Return whether it could be served."""
        name = target.target_name
        try:
            async with self._opener.opened(target) as kind:
                sender = Sender(target, kind, self._calls, self._limits, patience=STAYING)
                self._running[name] = sender
                try:
                    if self._stopped:
                        sender.stop(self._stopped)
                    await sender.run()
                finally:
                    self._running.pop(name, None)
                    self._add(sender.report())
                self._tell_refusal(sender)
                if sender.error:
                    raise sender.error
        except IuError as error:
            self._tell_problem(DrainProblem(name, error.message, error.hint))
            return False
        return True

    def _add(self, report: TargetReport) -> None:
        before = self._totals.get(report.target)
        self._totals[report.target] = before + report if before else report

    def _stop(self, reason: StoppedReason) -> None:
        self._stopped = self._stopped or reason
        self._over.set()
        for sender in self._running.values():
            sender.stop(reason)

    def _fail(self, error: BaseException) -> None:
        self._error = self._error or error
        self._stop("failed")

    async def _wait(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._over.wait()

    async def _watch(self, should_stop: Callable[[], bool]) -> None:
        """Tell what the senders have noticed; this asks the database nothing."""
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            try:
                if should_stop():
                    self._stop("cancelled")
            except Exception as error:  # noqa: BLE001  it is raised when all is recorded
                self._fail(error)
            for name, sender in self._running.items():
                self._tell_state(name, sender)
            if time.monotonic() - self._told_at >= _PROGRESS_SECONDS:
                self._tell_progress()

    def _tell_state(self, name: str, sender: Sender) -> None:
        self._tell_refusal(sender)
        if sender.is_answered:
            self._recover(name, "is served again")
        before, now = self._waiting.get(name, frozenset()), sender.refusals
        if now != before:
            self._waiting[name] = now
            if now:
                self._tell("waits", name, f"waits: {', '.join(sorted(now))}")
            else:
                self._tell("goes_on", name, "goes on")

    def _tell_progress(self) -> None:
        """Tell what was done since it was told last, unless nothing was."""
        reports = self._report().targets
        sent, failed = sum(one.sent for one in reports), sum(one.retry + one.failed for one in reports)
        seconds = time.monotonic() - self._told_at
        self._told_at = time.monotonic()
        if (sent, failed) == self._progress:
            return
        new_sent, new_failed = sent - self._progress[0], failed - self._progress[1]
        self._progress = (sent, failed)
        why = [one.failures.newest_first()[:1] for one in self._running.values()] if new_failed else []
        newest = "".join(f"; {one[0].said}" for one in why if one)
        self._tell("progress", None, f"{new_sent:,} sent, {new_failed:,} failed in {seconds:.0f} s{newest}")

    def _tell_refusal(self, sender: Sender) -> None:
        """Tell that the database refused an outcome."""
        if error := sender.recorder.refusal:
            sender.recorder.refusal = None
            self._tell("problem", sender.target.target_name, error.message, error.hint)

    def _tell_problem(self, problem: DrainProblem) -> None:
        """Tell a problem, unless it is the last that was told about its target."""
        if self._problems.get(problem.target) != problem.message:
            self._problems[problem.target] = problem.message
            self._tell("problem", problem.target or None, problem.message, problem.hint)

    def _recover(self, target: str, message: str) -> None:
        if self._problems.pop(target, None) is not None:
            self._tell("recovered", target or None, message)

    def _tell(self, kind: NoticeKind, target: str | None, message: str, hint: str | None = None) -> None:
        try:
            self._on_notice(Notice(kind, target, message, hint))
        except BaseException as error:  # rich raises SystemExit if the reader is gone
            if isinstance(error, KeyboardInterrupt) and self._stopped:
                raise  # the second Ctrl-C
            self._on_notice = lambda _: None
            self._fail(error)

    def _report(self) -> DrainReport:
        totals = dict(self._totals)
        for name, sender in self._running.items():
            now = sender.report()
            totals[name] = totals[name] + now if name in totals else now
        return DrainReport(
            sender=self._calls.identity.sender,
            run_ref=self._calls.identity.run_ref,
            targets=tuple(_ended(totals[name], self._stopped) for name in sorted(totals)),
            seconds=time.monotonic() - self._began,
        )


def _ended(report: TargetReport, reason: StoppedReason | None) -> TargetReport:
    return replace(report, stopped_reason=reason)


def _is_final(error: IuError) -> bool:
    """Return whether waiting cannot help: the login is no sender, or nothing can be asked with this URL."""
    if isinstance(error, DeliveryRefused | PermissionDenied | UsageError | ServerTooOld):
        return True
    return isinstance(error, ConnectionFailed) and (error.code or "").startswith(_REFUSED)

"""The sender of one target: claim, send, record.

The intent to send is committed before a send begins. A send begins only while its claim is valid for at least
the timeout of the target, counted from before the claim was asked for. Every outcome is recorded.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from iu_pipelines.delivery.backoff import DRAINING, Backoff, Outage, Patience
from iu_pipelines.delivery.calls import Calls
from iu_pipelines.delivery.deadline import Deadline
from iu_pipelines.delivery.enqueuer import Enqueuer
from iu_pipelines.delivery.failures import Failures
from iu_pipelines.delivery.kind import Answer, Message, TargetKind
from iu_pipelines.delivery.recorder import Recorder
from iu_pipelines.delivery.reports import DrainLimits, StoppedReason, TargetReport
from iu_pipelines.domain.deliveries import Claim, Outcome, TargetQueue
from iu_pipelines.domain.targets import GrantedTarget
from iu_pipelines.errors import IuError

_GRACE_SECONDS: Final = 1.0
"""How much longer than its timeout a send may take before it is cancelled."""

_MOST_FAULTS: Final = 5
"""Faults in a row, after which no send begins before they are recorded: by then the breaker opens."""

_MOST_ERROR: Final = 200
_GONE: Final = 410
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500
_UNRECORDED_BATCHES: Final = 4
_GATES: Final = ("master_gate_closed", "delivery_gate_closed", "jobs_gate_closed")
_OF_TARGET: Final = ("target_disabled", "target_paused", "failover_hold", "breaker_open")
"""Refusals that hold every route of a target."""

_TIMED_OUT: Final = Answer("retry", "timeout", error="no answer within the timeout", may_have_arrived=True)
_NOT_SENT: Final = Answer("retry", "unsent", error="not sent", local_fault=True)


@dataclass(frozen=True, slots=True)
class _Queued:
    """A claim, and until when its send may begin, on the monotonic clock."""

    claim: Claim
    begin_until: float


class Sender:
    """Delivers to one target until nothing is due, a limit is reached, or `stop` is called.

    `kind` is opened; without one, events are queued and nothing is claimed. `is_answered` is whether a claim
    has succeeded, also if it found nothing. A sender whose `patience` never ends only stops.
    """

    def __init__(
        self,
        target: GrantedTarget,
        kind: TargetKind | None,
        calls: Calls,
        limits: DrainLimits,
        plan_hash: str | None = None,
        patience: Patience = DRAINING,
    ) -> None:
        self.target = target
        self.error: IuError | None = None
        self.claimed = 0
        self.unsent = 0
        self.failures = Failures()
        self.is_outdated = False
        self.is_answered = False
        self.stopped_reason: StoppedReason | None = None
        self.recorder = Recorder(calls.record, self._nothing_runs, self._on_recorded)
        self._kind = kind
        self._calls = calls
        self._limits = limits
        self._plan_hash = plan_hash
        self._patience = patience
        self._began = self._ended = time.monotonic()
        self._active_at = self._began
        self._deadline = Deadline(target.timeout_seconds + _GRACE_SECONDS)
        self._queue: asyncio.Queue[_Queued | None] = asyncio.Queue()
        self._running = 0
        self._outstanding = 0
        self._faults = 0
        self._news = asyncio.Event()
        self._was_full = False
        self._has_asked = False
        self._stop_reason: StoppedReason | None = None
        self._enqueuers = [
            Enqueuer(calls, code, limits.enqueue_limit, self._on_queued, patience)
            for code in (() if plan_hash else target.routes)
        ]

    def stop(self, reason: StoppedReason) -> None:
        """Claim nothing more, begin no send, and let `run` return when the outcomes are recorded."""
        if self._stop_reason is not None:
            return
        self._stop_reason = reason
        waiting = [self._queue.get_nowait() for _ in range(self._queue.qsize())]
        for queued in waiting:
            if queued is None:
                self._queue.put_nowait(None)  # it ends a slot that still sends
            else:
                self._give_back(queued.claim)
        self._news.set()

    async def run(self) -> None:
        """Deliver. An error that ends the deliveries is in `error`, after every outcome was recorded."""
        async with asyncio.TaskGroup() as group:
            recording = group.create_task(self.recorder.run())
            enqueuing = [group.create_task(self._enqueue(one)) for one in self._enqueuers]
            slots = [group.create_task(self._slot()) for _ in range(self._slots())]
            try:
                reason = await self._claim_until_over()
                self.stopped_reason = self.stopped_reason or reason
            except IuError as error:
                self._fail(error)
            for enqueuer in self._enqueuers:
                enqueuer.stop()
            for _ in slots:
                self._queue.put_nowait(None)
            await asyncio.gather(*slots, *enqueuing)
            self.recorder.close()
            await recording
            await self._release()
        self._ended = time.monotonic()

    async def _release(self) -> None:
        """Give back the shards, so that the next sender need not wait for the end of their leases."""
        if self._has_asked:  # also a claim that found nothing may have leased shards
            with suppress(IuError):  # the leases pass by themselves
                await self._calls.release(self.target.target_name)

    @property
    def refusals(self) -> frozenset[str]:
        """Why events of routes are not queued now."""
        return frozenset(one.refusal for one in self._enqueuers if one.refusal)

    def report(self) -> TargetReport:
        """Return the counts so far."""
        tally = self.recorder.tally
        over = self.stopped_reason is not None
        return TargetReport(
            target=self.target.target_name,
            enqueued=sum(one.queued for one in self._enqueuers),
            claimed=self.claimed,
            sent=tally.sent,
            retry=tally.retry,
            failed=tally.failed,
            stale=tally.stale,
            unsent=self.unsent,
            unrecorded=tally.unrecorded,
            stopped_reason=self.stopped_reason,
            failures=self.failures.newest_first(),
            seconds=(self._ended if over and self._ended > self._began else time.monotonic()) - self._began,
        )

    def _fail(self, error: IuError) -> None:
        self.error = self.error or error
        self.stopped_reason = "failed"

    def _slots(self) -> int:
        return min(self._limits.concurrency, self._limits.batch_limit) if self._kind else 0

    async def _enqueue(self, enqueuer: Enqueuer) -> None:
        try:
            await enqueuer.run()
        except IuError as error:
            self._fail(error)
            self.stop("failed")

    async def _claim_until_over(self) -> StoppedReason:
        backoff, outage = Backoff(self._patience.longest_seconds), Outage(self._patience.outage_seconds)
        while (reason := self._over()) is None:
            if not self._has_room():
                await self._wait(1.0)
                continue
            self._news.clear()
            try:
                found, reason = await self._claim_or_end()
                self.is_answered = True
                outage.over()
            except IuError as error:
                outage.endure(error)
                found = 0
            if reason:
                break
            if found:
                backoff.reset()
            if not self._was_full:
                await self._wait(backoff.pause())
        return reason

    async def _claim_or_end(self) -> tuple[int, StoppedReason | None]:
        """Claim once. Return the number of claims, and why the drain is over if there is nothing to do."""
        was_quiet = self._is_quiet()
        found = await self._claim()
        if found or not (self._patience.ends and was_quiet and self._is_quiet()):
            return found, None
        return 0, await self._idle_reason()

    def _over(self) -> StoppedReason | None:
        if self._stop_reason:
            return self._stop_reason
        if self.is_outdated:
            return "target_changed"
        if self._limits.max_deliveries is not None and self.claimed >= self._limits.max_deliveries:
            return "max_deliveries"
        return None

    def _has_room(self) -> bool:
        if self._is_alarmed and self._outstanding:
            return False
        batch = self._limits.batch_limit
        waiting = self._queue.qsize() + self._running
        return waiting < batch and self._outstanding < _UNRECORDED_BATCHES * batch

    @property
    def _is_alarmed(self) -> bool:
        return self._faults >= _MOST_FAULTS

    def _is_quiet(self) -> bool:
        """Return whether nothing is outstanding and no event waits to be queued."""
        return self._outstanding == 0 and all(one.is_idle for one in self._enqueuers)

    async def _claim(self) -> int:
        """Claim once and hand the claims to the slots; return their number."""
        limit = self._limits.batch_limit
        if self._limits.max_deliveries is not None:
            limit = min(limit, self._limits.max_deliveries - self.claimed)
        self._was_full = False
        if self._kind is None:
            return 0
        if self._outstanding == 0:
            self._faults = 0  # all are recorded, so the breaker decides
        self._has_asked = True
        asked_at = time.monotonic()
        claimed = await self._calls.claim(self.target, limit, self._plan_hash)
        claims = claimed.claims
        self.claimed += len(claims)
        self._outstanding += len(claims)
        self._was_full = len(claims) >= limit
        if claims:
            self._active_at = time.monotonic()
        for claim in claims:
            if claimed.is_current:
                until = asked_at + claim.lease_seconds - self.target.timeout_seconds
                self._queue.put_nowait(_Queued(claim, until))
            else:
                self._give_back(claim)
        self.is_outdated = not claimed.is_current
        return len(claims)

    async def _idle_reason(self) -> StoppedReason | None:
        """Return why the drain is over although nothing is due, or None if it waits."""
        if any(one.is_closed_by_gate for one in self._enqueuers):
            return "gate_closed"
        if self._quiet_seconds() < self._limits.linger_seconds:
            return None
        queue = await self._status()
        if queue is None:
            return "drained"
        if not _is_stopped(queue):
            return await self._end_unless_more_comes(queue)
        if set(queue.held_reasons or ()) & set(_GATES):
            return "gate_closed"
        return "held" if queue.held or queue.in_doubt or self._is_refused() else "drained"

    async def _end_unless_more_comes(self, queue: TargetQueue) -> StoppedReason | None:
        """Return None if something will be due without a person: now, by the rate, or at another sender."""
        if self._kind is None:
            others = queue.queued + queue.held + queue.in_flight + queue.in_doubt + queue.retry
            return "held" if self._is_refused() else "left_to_others" if others else "drained"
        if await self._has_due(is_limited=queue.held > 0):
            return None  # in a shard that another sender leases, or locked by another transaction
        if self._plan_hash is None and (queue.held or self._is_refused()):
            return "held"  # what the rate holds beside a plan is not of the plan
        if not await self._is_in_flight(queue):
            return "drained"
        # By then its outcome was recorded, or it is in doubt and due.
        return None if self._quiet_seconds() <= self.target.lease_seconds else "left_to_others"

    def _is_refused(self) -> bool:
        return bool(self._enqueuers) and all(one.refusal for one in self._enqueuers)

    def _quiet_seconds(self) -> float:
        return time.monotonic() - self._active_at

    async def _is_in_flight(self, queue: TargetQueue) -> bool:
        """Return whether another sender delivers something, behind which more may wait."""
        if self._plan_hash is None or not queue.in_flight:
            return queue.in_flight > 0
        return await self._calls.plan_goes_on(self._plan_hash)

    async def _has_due(self, *, is_limited: bool) -> bool:
        """Return whether something is due. What the rate holds is due soon, but need not be in the plan."""
        if is_limited and self._plan_hash is None:
            return True
        return await self._calls.has_due(self.target.target_name, self._plan_hash)

    async def _status(self) -> TargetQueue | None:
        found = await self._calls.status()
        return next((one for one in found if one.target == self.target.target_name), None)

    async def _wait(self, seconds: float) -> None:
        """Wait until something may have changed."""
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return
        finally:
            self._news.clear()

    def _on_queued(self) -> None:
        self._active_at = time.monotonic()
        self._news.set()

    def _on_recorded(self, count: int) -> None:
        self._outstanding -= count
        self._active_at = time.monotonic()
        self._news.set()

    def _nothing_runs(self) -> bool:
        return self._running == 0 and self._queue.empty()

    async def _slot(self) -> None:
        """Send one message after the other."""
        while (claimed := await self._queue.get()) is not None:
            if self._stop_reason or self._is_alarmed or self._is_late(claimed):
                self._give_back(claimed.claim)
                continue
            self._running += 1
            try:
                outcome = await self._send(claimed.claim)
            finally:
                self._running -= 1
            self.recorder.add(outcome)
            if self._was_full and self._has_room():
                self._news.set()

    def _is_late(self, queued: _Queued) -> bool:
        """Return whether the claim could end before the timeout of a send that begins now."""
        return time.monotonic() > queued.begin_until

    def _give_back(self, claim: Claim) -> None:
        """Record that a claim was not sent, so that it is not in doubt and is claimed again."""
        self.unsent += 1
        self.recorder.add(_outcome(claim, _NOT_SENT, 0.0))

    async def _send(self, claim: Claim) -> Outcome:
        if (kind := self._kind) is None:
            raise AssertionError("unreachable: nothing is claimed without a kind")
        began = time.monotonic()
        try:
            answer = await self._deadline.limit(kind.send(_message(claim)))
        except TimeoutError:
            answer = _TIMED_OUT
        except Exception as error:  # noqa: BLE001  a fault of a kind; its text might contain a secret
            answer = Answer(
                "retry", "fault", error=type(error).__name__, local_fault=True, may_have_arrived=True
            )
        if self.target.at_most_once and answer.may_have_arrived:
            answer = _not_again(answer)
        self._count(answer)
        self.failures.add(claim.delivery_key, answer)
        return _outcome(claim, answer, time.monotonic() - began)

    def _count(self, answer: Answer) -> None:
        """Count faults in a row: no answer, 429 and 5xx. After a 410 the promotion ends."""
        status = answer.status_code
        if answer.decision == "sent":
            self._faults = 0
        elif status == _GONE:
            self._faults = _MOST_FAULTS
        elif not answer.local_fault and (status is None or status == _TOO_MANY or status >= _SERVER_ERROR):
            self._faults += 1


def _is_stopped(queue: TargetQueue) -> bool:
    """Return whether what is due is held, and not only until the rate allows it."""
    reasons = set(queue.held_reasons or ())
    if reasons & {*_GATES, *_OF_TARGET}:
        return True
    return bool(queue.held and reasons and "rate_limit" not in reasons)


def _not_again(answer: Answer) -> Answer:
    """Return the answer for a target that gets nothing twice: what may have arrived is a dead letter."""
    return replace(
        answer,
        decision="failed",
        error=f"not sent again, because it may have arrived and the target is at most once: {answer.error}",
    )


def _message(claim: Claim) -> Message:
    return Message(
        claim.delivery_key, claim.event_id, claim.route_code, claim.subject, claim.subject_no,
        claim.attempt_no, claim.headers, claim.body,
    )  # fmt: skip


def _outcome(claim: Claim, answer: Answer, seconds: float) -> Outcome:
    return Outcome(
        claim.claim_id, claim.fence, answer.decision, answer.status_code, round(seconds * 1000),
        answer.retry_after_seconds, answer.response_hash,
        answer.error[:_MOST_ERROR] if answer.error else None, answer.local_fault,
    )  # fmt: skip

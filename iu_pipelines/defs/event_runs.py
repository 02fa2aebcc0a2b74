"""Runs that handle events: each claims its deliveries first, and records what became of them.

Dagster is asked about the runs that claimed the same deliveries before: one that goes on keeps its
deliveries, and the outcome of one that ended is recorded. So a second run for the same events does nothing.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from math import ceil, isnan
from traceback import format_exc
from typing import Any, Final

import dagster as dg

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.defs import event_fates
from iu_pipelines.defs.event_fates import HANDLED, Open, undone
from iu_pipelines.defs.kit.asset_metadata import table
from iu_pipelines.defs.kit.cancellation import deferred_cancellation, is_cancelled
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.event_jobs import Event, EventJob
from iu_pipelines.defs.kit.resources import current_settings
from iu_pipelines.defs.targets import delivery_asset
from iu_pipelines.delivery.backoff import Backoff, is_passing
from iu_pipelines.delivery.drain import sender_name
from iu_pipelines.domain import deliveries, delivery_heads, targets
from iu_pipelines.domain.deliveries import Claim, Outcome
from iu_pipelines.domain.delivery_heads import OpenClaim
from iu_pipelines.domain.targets import GrantedTarget
from iu_pipelines.errors import ArgumentInvalid, IuError, UnknownTarget

_RECORD_SECONDS: Final = 60.0
"""How long a run waits for its database to record an outcome."""

_LONGEST_WAIT: Final = 86_400
_SHOWN: Final = 100

KEY_PATTERN: Final = r"^evt_[0-9a-f]{32}_[0-9]{1,9}$"
"""The keys of deliveries."""

DELIVERIES: Final = "deliveries"
"""The field of the config of a run with the keys of its deliveries."""


@contextmanager
def opened(context: Any, mount: Mount) -> Iterator[Gateway]:
    """Yield a gateway of the login that delivers."""
    url = mount.sender_url(context.resources)
    with Gateway(url, application_name="iu event run") as gateway:
        yield gateway


def claim(
    context: dg.OpExecutionContext,
    gateway: Gateway,
    mount: Mount,
    job: EventJob,
    target: GrantedTarget,
    keys: Sequence[str],
) -> list[Claim]:
    """Claim what a run is for, and return what it may handle.

    That is nothing if a gate is closed, if another run has claimed it, or if it is settled.
    """
    if not keys:
        context.log.info("no delivery is given: the sensor requests runs for events")
        return []
    others = [one for one in _open_claims(gateway, job.target, keys) if one.run_id != context.run.run_id]
    fates = event_fates.settle(context.instance, gateway, mount, job, target, others)
    for one in fates.running:
        context.log.info("%s is delivered by the run %s", one.key, one.run_id)
    busy = {one.key for one in fates.running}
    left = [key for key in dict.fromkeys(keys) if key not in busy]
    if left:
        with gateway.transaction() as session:
            deliveries.present_deployment(session, current_settings().deployment)
            delivery_heads.claim(session, job.target, left, sender_name(), context.run.run_id)
    # Also what an attempt of this step claimed whose connection ended before the answer came.
    found = [one.claim for one in _of_run(context, gateway, keys) if one.target == job.target]
    context.log.info("%s of %s deliveries are claimed", len(found), len(keys))
    return found


def granted(gateway: Gateway, job: EventJob) -> GrantedTarget:
    """Return the target of a job, which is granted to the login.

    Raises:
        UnknownTarget: it is not.
        ArgumentInvalid: the target is of another kind than the job.
    """
    found = next((one for one in targets.granted(gateway) if one.target_name == job.target), None)
    if found is None:
        raise UnknownTarget(
            f"no such target is granted to this login: {job.target!r}",
            hint=f"Add it with: iu target add {job.target} --kind {job.kind}, and grant it to the login.",
        )
    if found.kind != job.kind:
        raise ArgumentInvalid(
            f"the target {job.target} is of kind {found.kind}, and the job {job.name} is for {job.kind}",
            hint="Give the job another target, or declare it for this kind.",
        )
    return found


def _open_claims(gateway: Gateway, target: str, keys: Sequence[str]) -> list[Open]:
    """Return the claims without an outcome for a target. What became of others is not known to its job."""
    return [
        Open(one.claim.claim_id, one.claim.fence, one.claim.delivery_key, one.run_ref)
        for one in delivery_heads.claimed(gateway, keys)
        if one.target == target
    ]


def claims_of(context: Any, gateway: Gateway) -> list[OpenClaim]:
    """Return what the run of a context has claimed and not recorded, for each of its targets."""
    keys = keys_of(context.run.run_config)
    return _of_run(context, gateway, keys) if keys else []


def _of_run(context: Any, gateway: Gateway, keys: Sequence[str]) -> list[OpenClaim]:
    return [one for one in delivery_heads.claimed(gateway, keys) if one.run_ref == context.run.run_id]


def keys_of(run_config: Mapping[str, Any]) -> list[str]:
    """Return the keys of deliveries in the config of a run, of a job or of Materialize.

    There, an asset of the user may have a field of the same name with something else.
    """
    found = [run_config, *(op.get("config", {}) for op in run_config.get("ops", {}).values())]
    lists = [one.get(DELIVERIES, ()) for one in found if isinstance(one, Mapping)]
    keys = [key for one in lists if isinstance(one, Sequence) for key in one]
    return [key for key in keys if isinstance(key, str) and re.match(KEY_PATTERN, key)]


def record_all(gateway: Gateway, claims: Sequence[Claim]) -> int:
    """Record that the events of a run were sent, and return how many outcomes came too late.

    Raises:
        dg.Failure: it could not be recorded. The sensor finds in Dagster's storage that the assets were made.
    """
    return _record_surely(gateway, [_outcome(one, "sent") for one in claims], lambda: None)


@dataclass(frozen=True)
class Handled:
    """One event that was handled, and its outcome.

    `is_late`: the delivery had been claimed again or settled by then, so the database kept that instead.
    """

    event: Event
    outcome: Outcome
    is_late: bool = False

    @property
    def word(self) -> str:
        """The decision, or `late`."""
        return "late" if self.is_late else self.outcome.decision


def handle_all(
    context: dg.OpExecutionContext,
    gateway: Gateway,
    mount: Mount,
    job: EventJob,
    target: GrantedTarget,
    claims: Sequence[Claim],
) -> list[Handled]:
    """Call the handler for each claim, and record each outcome before the next one begins.

    A cancellation interrupts the handler. The event that it handled is tried again, or is a dead letter if
    the target is at most once; those that were not begun are given back.

    Raises:
        dg.Failure: an outcome could not be recorded. What was sent is in Dagster's storage then.
    """
    done: list[Handled] = []
    for place, one in enumerate(claims):
        begun = _interrupted(one, undone(target))
        try:
            done.append(_handled(context, job, one))
            begun = done[-1].outcome
            if _record_surely(gateway, [begun], partial(_note_handled, context, mount, job, done[-1])):
                done[-1] = replace(done[-1], is_late=True)
                context.log.warning("%s: the outcome came too late; another one decides", done[-1].event.key)
        except dg.Failure:
            raise
        except BaseException:
            left = [_interrupted(other, "retry", local_fault=True) for other in claims[place + 1 :]]
            if not _give_back(gateway, [begun, *left]) and len(done) > place:
                _note_handled(context, mount, job, done[-1])
            raise
    return done


def _interrupted(claim: Claim, decision: Any, *, local_fault: bool = False) -> Outcome:
    return _outcome(claim, decision, error="the run was interrupted", local_fault=local_fault)


def _give_back(gateway: Gateway, outcomes: Sequence[Outcome]) -> bool:
    """Record the outcomes of a run that was interrupted, and return whether they could be."""
    with deferred_cancellation(), suppress(IuError):
        deliveries.record(gateway, outcomes)
        return True
    return False


def _handled(context: dg.OpExecutionContext, job: EventJob, claim: Claim) -> Handled:
    event, began = Event.of(claim), time.monotonic()
    facts: dict[str, Any] = {"decision": "sent"}
    try:
        job.handle(context, event)
    except dg.RetryRequested as error:
        facts = {"decision": "retry", "error": "the handler requested a retry"}
        facts["retry_after_seconds"] = _seconds(error.seconds_to_wait)
    except dg.Failure as error:
        facts = {"decision": "retry" if error.allow_retries else "failed", "error": "the handler failed"}
        context.log.error("the handler failed for %s: %s", event.key, error.description)
    except Exception as error:  # noqa: BLE001  whatever a handler raises
        facts = {"decision": "retry", "error": f"the handler raised {type(error).__name__}"}
        context.log.error("the handler failed for %s: %s", event.key, format_exc())
    latency = int((time.monotonic() - began) * 1000)
    return Handled(event, _outcome(claim, latency_ms=latency, **facts))


def _seconds(wait: float | None) -> int | None:
    """Return the seconds that a handler asks to wait, rounded up, as they can be recorded."""
    return None if not wait or isnan(wait) else ceil(min(max(wait, 0), _LONGEST_WAIT)) or None


def _outcome(claim: Claim, decision: Any, **facts: Any) -> Outcome:
    return Outcome(claim.claim_id, claim.fence, decision, **facts)


def _record_surely(gateway: Gateway, outcomes: Sequence[Outcome], on_failure: Callable[[], None]) -> int:
    """Record outcomes, and return how many came too late and changed nothing.

    If the database stays away, call `on_failure` and fail.
    """
    until, backoff = time.monotonic() + _RECORD_SECONDS, Backoff()
    while outcomes:
        try:
            with deferred_cancellation():
                late = deliveries.record(gateway, outcomes).stale
                interrupted = is_cancelled()
        except IuError as error:
            if is_passing(error) and time.monotonic() < until:
                time.sleep(backoff.pause())
                continue
            on_failure()
            raise dg.Failure(
                description=f"the outcome could not be recorded: {error.message}", allow_retries=False
            ) from error
        if interrupted:
            raise dg.DagsterExecutionInterruptedError
        return late
    return 0


def _note_handled(context: dg.OpExecutionContext, mount: Mount, job: EventJob, done: Handled) -> None:
    """Leave the key of an event that was handled in Dagster's storage, for the sensor to record."""
    if done.outcome.decision == "sent":
        context.log_event(
            dg.AssetObservation(
                mount.key(delivery_asset(job.target)),
                description="handled, but not recorded: the database is away",
                metadata={HANDLED: dg.MetadataValue.text(done.event.key)},
            )
        )


def summary(done: Sequence[Handled]) -> Mapping[str, Any]:
    """Return the metadata of a run that handled events."""
    counts = {word: sum(one.word == word for one in done) for word in ("sent", "retry", "failed", "late")}
    rows = [
        [one.event.key, one.event.type, one.event.canonical_address, one.word, one.outcome.error]
        for one in done[:_SHOWN]
    ]
    header = ["delivery", "type", "address", "decision", "error"]
    return {"claimed": len(done), **counts, "events": table(header, rows)}


def failure_of(done: Sequence[Handled]) -> dg.Failure | None:
    """Return the failure of a run in which an event was not sent, or None."""
    wrong = [one for one in done if one.outcome.decision != "sent"]
    if not wrong:
        return None
    first = wrong[0]
    return dg.Failure(
        description=f"{len(wrong)} of {len(done)} events were not sent; "
        f"{first.event.key}: {first.outcome.error}",
        metadata=summary(done),
        allow_retries=False,
    )

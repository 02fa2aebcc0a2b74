"""What became of runs that claimed deliveries and recorded no outcome: Dagster is asked.

A run records its outcomes itself. One that was killed could not, and one whose database was away left the
keys of what it had done in Dagster's storage. Statuses of runs are asked for; no event of Dagster is waited
for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import dagster as dg

from iu_pipelines.db.queries import Queries
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.event_jobs import EventJob
from iu_pipelines.defs.kit.runs import FINISHED, is_gone
from iu_pipelines.defs.targets import delivery_asset, recorded_asset
from iu_pipelines.domain import deliveries
from iu_pipelines.domain.deliveries import Outcome
from iu_pipelines.domain.targets import GrantedTarget

HANDLED: Final = "handled_keys"
"""The metadata with the keys of deliveries that a run has done and could not record."""

_PLANNED: Final = dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED
_MADE: Final = dg.DagsterEventType.ASSET_MATERIALIZATION
_OBSERVED: Final = dg.DagsterEventType.ASSET_OBSERVATION
_FAILED: Final = dg.DagsterEventType.STEP_FAILURE
_STARTED: Final = dg.DagsterEventType.STEP_START


@dataclass(frozen=True)
class Open:
    """A claim whose outcome is not recorded, and the run that made it."""

    claim_id: int
    fence: int
    key: str
    run_id: str | None


@dataclass(frozen=True)
class Fates:
    """How many outcomes were recorded, the claims of runs that go on, and those of runs that are lost.

    A run is lost if Dagster does not know it, or if its maximum runtime is over and it did not end: then its
    host is gone. Its claims are in doubt when their leases pass.
    """

    recorded: int
    running: tuple[Open, ...]
    lost: tuple[Open, ...]


def settle(
    instance: dg.DagsterInstance,
    gateway: Queries,
    mount: Mount,
    job: EventJob,
    target: GrantedTarget,
    claims: Sequence[Open],
) -> Fates:
    """Record the outcomes of claims whose runs are finished.

    Raises:
        DeliveryRefused: a claim was made by another login.
    """
    by_run: dict[str, list[Open]] = defaultdict(list)
    for claim in claims:
        by_run[claim.run_id or ""].append(claim)
    found = _records(instance, list(by_run))
    runs = {one.dagster_run.run_id: one.dagster_run for one in found}
    ended = [run_id for run_id, run in runs.items() if run.status in FINISHED]
    running = [one.dagster_run.run_id for one in found if not (_is_finished(one) or is_gone(one))]
    recorded = 0
    for run_id in ended:
        # Run by run: a tick that takes too long has settled some, and the next one goes on.
        outcomes = _Run(instance, mount, job, target, runs[run_id]).outcomes(by_run[run_id])
        for place in range(0, len(outcomes), deliveries.MOST_CLAIMED):
            deliveries.record(gateway, outcomes[place : place + deliveries.MOST_CLAIMED])
        recorded += len(outcomes)
    return Fates(
        recorded,
        tuple(one for run_id in running for one in by_run[run_id]),
        tuple(one for run_id in by_run.keys() - {*ended, *running} for one in by_run[run_id]),
    )


def _records(instance: dg.DagsterInstance, run_ids: Sequence[str]) -> Sequence[dg.RunRecord]:
    return instance.get_run_records(dg.RunsFilter(run_ids=list(run_ids))) if run_ids else []


def _is_finished(record: dg.RunRecord) -> bool:
    return record.dagster_run.status in FINISHED


class _Run:
    """A finished run that left claims open."""

    def __init__(
        self,
        instance: dg.DagsterInstance,
        mount: Mount,
        job: EventJob,
        target: GrantedTarget,
        run: dg.DagsterRun,
    ) -> None:
        self._instance = instance
        self._job = job
        self._target = target
        self._run = run
        self._claiming = mount.key(delivery_asset(job.target))
        self._recording = mount.key(recorded_asset(job.target))

    def outcomes(self, claims: Sequence[Open]) -> list[Outcome]:
        """Return the outcomes of its claims, in the order in which it claimed them."""
        ordered = sorted(claims, key=lambda claim: claim.claim_id)
        return self._of_assets(ordered) if self._job.handler is None else self._of_handler(ordered)

    def _of_handler(self, claims: Sequence[Open]) -> list[Outcome]:
        if self._is_successful():
            return [_sent(claim) for claim in claims]
        handled = self._handled()
        left = [claim for claim in claims if claim.key not in handled]
        # Events are handled one after the other, so only the first of these can have been begun; and a run
        # ends after an event that it could only tell Dagster.
        undone = [self._undone(claim, begun=place == 0 and not handled) for place, claim in enumerate(left)]
        return [*(_sent(claim) for claim in claims if claim.key in handled), *undone]

    def _of_assets(self, claims: Sequence[Open]) -> list[Outcome]:
        if self._is_successful() or self._has_made_all():
            return [_sent(claim) for claim in claims]
        began = any(step != _node(self._claiming) for step in self._steps(_STARTED))
        return [self._undone(claim, begun=began) for claim in claims]

    def _is_successful(self) -> bool:
        """Return whether the run claimed and succeeded: it fails unless all of its events were sent."""
        return self._run.status == dg.DagsterRunStatus.SUCCESS and self._claiming in self._made()

    def _made(self) -> set[dg.AssetKey | None]:
        return {event.asset_key for event in self._events(_MADE)}

    def _has_made_all(self) -> bool:
        """Return whether all assets were made, except the one that records, and no other step failed."""
        planned = {event.asset_key for event in self._events(_PLANNED)} - {self._recording}
        failed = self._steps(_FAILED) - {_node(self._recording)}
        return set(self._job.assets) <= planned <= self._made() and not failed

    def _handled(self) -> set[str]:
        """Return the keys of what the run has done and could only tell Dagster."""
        found: set[str] = set()
        for event in self._events(_OBSERVED):
            seen = event.asset_observation_data.asset_observation
            if seen.asset_key == self._claiming and HANDLED in seen.metadata:
                found.update(str(seen.metadata[HANDLED].value).split())
        return found

    def _steps(self, of_type: dg.DagsterEventType) -> set[str]:
        """Return the nodes whose steps have an event of a type."""
        return {(event.step_key or "").partition(".")[0] for event in self._events(of_type)}

    def _events(self, of_type: dg.DagsterEventType) -> Sequence[dg.DagsterEvent]:
        logged = self._instance.all_logs(self._run.run_id, of_type=of_type)
        return [entry.dagster_event for entry in logged if entry.dagster_event]

    def _undone(self, claim: Open, *, begun: bool) -> Outcome:
        """Return the outcome of an event that was not finished. Only one that was begun is a failure."""
        word = "was canceled" if self._run.status == dg.DagsterRunStatus.CANCELED else "failed"
        when = "" if begun else " before it began with the event"
        return Outcome(
            claim.claim_id,
            claim.fence,
            undone(self._target) if begun else "retry",
            error=f"run {self._run.run_id} {word}{when}",
            local_fault=not begun,
        )


def undone(target: GrantedTarget) -> Literal["retry", "failed"]:
    """Return what becomes of an event whose handling was begun and not finished."""
    return "failed" if target.at_most_once else "retry"


def _node(key: dg.AssetKey) -> str:
    return key.to_python_identifier()


def _sent(claim: Open) -> Outcome:
    return Outcome(claim.claim_id, claim.fence, "sent")

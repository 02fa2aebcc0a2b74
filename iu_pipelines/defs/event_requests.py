"""The sensor of an event job: it records what became of runs that ended, and requests runs for what is due.

The truth about events is in the database, and that about runs in Dagster's storage: neither is copied to the
other, and the sensor has no cursor. A tick that is repeated requests the same runs under the same run keys.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final, Self
from uuid import UUID

import dagster as dg

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.defs import event_fates, event_runs
from iu_pipelines.defs.delivery_tables import explained
from iu_pipelines.defs.event_fates import Open
from iu_pipelines.defs.kit import tags
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.event_jobs import EventJob
from iu_pipelines.defs.kit.resources import current_settings
from iu_pipelines.defs.kit.runs import UNFINISHED, is_gone
from iu_pipelines.defs.kit.step_errors import skipped
from iu_pipelines.defs.targets import NOT_INSTALLED
from iu_pipelines.delivery.dagster_runs import RunOptions
from iu_pipelines.domain import deliveries, delivery_heads, delivery_queue
from iu_pipelines.domain.delivery_heads import Head
from iu_pipelines.domain.delivery_queue import Waiting
from iu_pipelines.domain.targets import GrantedTarget
from iu_pipelines.errors import IuError

MOST_REQUESTS: Final = 50
"""Runs that one tick requests at most."""

_JOBS_ARE_CLOSED: Final = "jobs_gate_closed"
_QUEUED_A_TICK: Final = 1000
_LOOKED_AT: Final = 1000
_FIRST_PAUSE: Final = 5.0
_LONGEST_PAUSE: Final = 300.0


def sensor(mount: Mount, job: EventJob, made: Any) -> dg.SensorDefinition:
    """Return the sensor that requests the runs of an event job."""
    name = mount.named(f"{job.name}_sensor")

    @dg.sensor(
        name=name,
        job=made,
        minimum_interval_seconds=mount.sensor_interval_seconds,
        default_status=mount.sensor_status(f"{job.name}_sensor"),
        required_resource_keys={mount.sender_key},
        description=(
            f"Request a run of {mount.named(job.name)} for events of the target {job.target} that are due, "
            "and record what became of runs that ended without recording it."
        ),
        owners=list(mount.owners) or None,
    )
    def event_sensor(context: dg.SensorEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
        try:
            with event_runs.opened(context, mount) as gateway:
                return _Tick(context, gateway, mount, job).answer()
        except IuError as error:
            return skipped(error)

    return event_sensor


@dataclass(frozen=True)
class _Tick:
    """One evaluation of the sensor."""

    context: dg.SensorEvaluationContext
    gateway: Gateway
    mount: Mount
    job: EventJob

    def answer(self) -> list[dg.RunRequest] | dg.SkipReason:
        """Return the run requests, or the reason why there is none."""
        if not deliveries.is_installed(self.gateway):
            return dg.SkipReason(NOT_INSTALLED)
        target = event_runs.granted(self.gateway, self.job)
        options = RunOptions.of(target.options)
        busy = self._settle(target)
        waiting = [one for one in delivery_queue.waiting(self.gateway) if one.target == target.target_name]
        if not waiting:
            return dg.SkipReason("no route was ever promoted to the target")
        self._enqueue(waiting)
        if refusals := _refusals(waiting):
            return dg.SkipReason(f"everything is held: {explained(refusals)}")
        unfinished = self._unfinished(options.max_runs)
        taken = busy | {key for run in unfinished for key in event_runs.keys_of(run.run_config)}
        free = min(MOST_REQUESTS, options.max_runs - len(unfinished))
        if free <= 0:
            are = "1 run is" if len(unfinished) == 1 else f"{len(unfinished)} runs are"
            return dg.SkipReason(f"{are} queued or running, as many as max_runs of the target allows")
        batches = list(self._batches(taken, free, options.events_per_run))
        requests = self._requests(batches, options)
        return requests or dg.SkipReason(_idle(unfinished, sum(map(len, batches))))

    def _settle(self, target: GrantedTarget) -> set[str]:
        """Record what became of runs that ended, and prolong the leases of those that go on: return these."""
        heads = {one.claim_id: one for one in self._heads(_LOOKED_AT) if one.claim_id is not None}
        claims = [Open(no, one.fence, one.delivery_key, one.run_ref) for no, one in heads.items()]
        fates = event_fates.settle(self.context.instance, self.gateway, self.mount, self.job, target, claims)
        if fates.recorded:
            self.context.log.info("%s outcomes of runs that ended are recorded", fates.recorded)
        soon = datetime.now(UTC) + timedelta(seconds=target.lease_seconds / 2)
        # A lease that has passed is known from the clock of the database, whatever that of this host says.
        ending = {no for no, one in heads.items() if one.is_due or one.due_at < soon}
        prolonged = [one.claim_id for one in fates.running if one.claim_id in ending]
        for place in range(0, len(prolonged), delivery_heads.MOST_NAMED):
            delivery_heads.prolong(self.gateway, prolonged[place : place + delivery_heads.MOST_NAMED])
        return {one.key for one in fates.running}

    def _enqueue(self, waiting: Sequence[Waiting]) -> None:
        """Queue events of the routes on which some are unread. While jobs are not allowed they are held."""
        for one in waiting:
            if one.unread_since and one.refusal in (None, _JOBS_ARE_CLOSED):
                with self.gateway.transaction() as session:
                    deliveries.present_deployment(session, current_settings().deployment)
                    deliveries.enqueue(session, one.route_code, _QUEUED_A_TICK)

    def _heads(self, limit: int) -> list[Head]:
        with self.gateway.transaction() as session:
            deliveries.present_deployment(session, current_settings().deployment)
            return delivery_heads.heads(session, self.job.target, limit)

    def _unfinished(self, most: int) -> Sequence[dg.DagsterRun]:
        """Return runs that may claim or have claimed.

        Those whose host is gone are left out, and those that were never launched: the daemon launches such a
        run when it is requested again.
        """
        statuses = [status for status in UNFINISHED if status != dg.DagsterRunStatus.NOT_STARTED]
        wanted = dg.RunsFilter(statuses=statuses, tags={tags.TARGET: self.mount.tag(self.job.target)})
        found = self.context.instance.get_run_records(wanted, limit=most + _LOOKED_AT)
        return [one.dagster_run for one in found if not is_gone(one)]

    def _batches(self, taken: Collection[str], most: int, events_per_run: int) -> Iterable[list[Head]]:
        """Yield the due heads that are not taken, at most `events_per_run` of different subjects at a time.

        A subject has a head on each route.
        """
        wanted = most * events_per_run
        left = [
            one for one in self._heads(wanted + len(taken)) if one.is_due and one.delivery_key not in taken
        ]
        for _ in range(most):
            batch: dict[UUID, Head] = {}
            for one in left:
                if len(batch) < events_per_run:
                    batch.setdefault(one.subject, one)
            if not batch:
                return
            yield list(batch.values())
            left = [one for one in left if batch.get(one.subject) is not one]

    def _requests(self, batches: Sequence[Sequence[Head]], options: RunOptions) -> list[dg.RunRequest]:
        launches = {_launch(batch): batch for batch in batches}
        earlier = self._earlier(list(launches))
        return [
            self._request(launch, number, batch, options)
            for launch, batch in launches.items()
            for number in [_next_number(earlier[launch], _claims(batch))]
            if number is not None
        ]

    def _earlier(self, launches: Sequence[str]) -> Mapping[str, list[_Earlier]]:
        """Return the runs for each launch."""
        earlier: dict[str, list[_Earlier]] = defaultdict(list)
        wanted = dg.RunsFilter(tags={tags.LAUNCH: list(launches)})
        for record in self.context.instance.get_run_records(wanted) if launches else ():
            one = _Earlier.of(record)
            if one:
                earlier[record.dagster_run.tags[tags.LAUNCH]].append(one)
        return earlier

    def _request(self, launch: str, number: int, batch: Sequence[Head], options: RunOptions) -> dg.RunRequest:
        wanted = {
            tags.TARGET: self.mount.tag(self.job.target),
            tags.LAUNCH: launch,
            tags.LAUNCH_NO: str(number),
            tags.CLAIMS: _claims(batch),
            tags.EVENTS: str(len(batch)),
            dg.MAX_RUNTIME_SECONDS_TAG: str(options.max_run_seconds),
        }
        routes = {one.route_code for one in batch}
        if len(routes) == 1:
            wanted[tags.ROUTE] = routes.pop()
        if len(batch) == 1:
            wanted |= {tags.EVENT: str(batch[0].event_id), tags.SUBJECT: str(batch[0].subject)}
        keys = [one.delivery_key for one in batch]
        return dg.RunRequest(
            run_key=f"{launch}:{number}", run_config={event_runs.DELIVERIES: keys}, tags=wanted
        )


@dataclass(frozen=True)
class _Earlier:
    """A run that was requested for a launch. `claims` is how often its deliveries were claimed before it."""

    number: int
    claims: str
    is_launched: bool
    updated_at: datetime

    @classmethod
    def of(cls, record: dg.RunRecord) -> Self | None:
        """Return the facts of a run, or None if its tags are not those of a request."""
        run = record.dagster_run
        number = run.tags.get(tags.LAUNCH_NO, "")
        if not number.isdecimal():
            return None
        launched = run.status != dg.DagsterRunStatus.NOT_STARTED
        return cls(int(number), run.tags.get(tags.CLAIMS, ""), launched, record.update_timestamp)


def _next_number(earlier: Sequence[_Earlier], claims: str) -> int | None:
    """Return the number of the next run of a launch, or None if it has to wait.

    A run may end before it claims, and so may the next: the pauses after such runs grow.
    """
    if not earlier:
        return 1
    last = max(earlier, key=lambda one: one.number)
    if not last.is_launched:
        return last.number
    idle = sum(one.claims == claims for one in earlier)
    pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(idle - 1, 10)) if idle else 0.0
    is_over = datetime.now(UTC) >= last.updated_at + timedelta(seconds=pause)
    return last.number + 1 if is_over else None


def _claims(batch: Sequence[Head]) -> str:
    return str(sum(one.fence for one in batch))


def _launch(batch: Sequence[Head]) -> str:
    """Return what a launch is for: the key of its delivery, or a digest of several keys."""
    keys = [one.delivery_key for one in batch]
    return keys[0] if len(keys) == 1 else sha256(" ".join(keys).encode()).hexdigest()[:40]


def _refusals(waiting: Sequence[Waiting]) -> list[str]:
    """Return why nothing is claimed on any route, or nothing if something may be."""
    if any(one.refusal is None for one in waiting):
        return []
    return list(dict.fromkeys(one.refusal for one in waiting if one.refusal))


def _idle(unfinished: Sequence[dg.DagsterRun], waiting: int) -> str:
    if waiting:
        wait = (
            "1 delivery waits, because a run for it"
            if waiting == 1
            else (f"{waiting} deliveries wait, because a run for them")
        )
        return f"{wait} ended a moment ago without a claim"
    if unfinished:
        first = unfinished[0].run_id
        if len(unfinished) == 1:
            return f"nothing is due besides what run {first} is for"
        return f"nothing is due besides what {len(unfinished)} runs are for; the first is {first}"
    return "nothing is due"

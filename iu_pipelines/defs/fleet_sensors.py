"""The sensors of a fleet: one of each kind, which asks every outbox instead of one.

Databases are asked at the same time, each with a time limit. One that does not answer is named, and delays no
other one.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

import dagster as dg
from pydantic import TypeAdapter, ValidationError

from iu_pipelines.defs import health, notifications
from iu_pipelines.defs.dead_letters import REPLAYABLE
from iu_pipelines.defs.delivery_requests import DELIVERIES
from iu_pipelines.defs.kit import check_states
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.fleet_mount import FleetMount
from iu_pipelines.defs.kit.notice_channels import NotDelivered
from iu_pipelines.defs.kit.questions import Question, subject
from iu_pipelines.defs.kit.step_errors import line_of
from iu_pipelines.defs.notifications import Database, Ended, Tick, Watched
from iu_pipelines.defs.worker_requests import BACKLOG
from iu_pipelines.domain.fleet.asking import Asked, Asker

QUESTIONS: Final = (BACKLOG, REPLAYABLE, DELIVERIES)
"""The questions that a sensor of an outbox asks, each of which a sensor of the fleet asks instead."""

_NAMED: Final = 20
_Cursors: Final = TypeAdapter(dict[str, list[str]])


@dataclass(frozen=True)
class Outbox:
    """One outbox of a fleet: its mount, its jobs by name, and what is watched for notifications."""

    mount: FleetMount
    jobs: Mapping[str, Any]
    watched: Watched
    evidence: Sequence[dg.AssetKey]

    def job(self, name: str) -> Any:
        """Return the job with the name that it has in a single outbox."""
        return self.jobs[self.mount.named(name)]


def sensors(fleet: Mount, own: Watched, outboxes: Sequence[Outbox], asker: Asker) -> list[Any]:
    """Return the sensors of a fleet. `own` is what is watched of the fleet itself."""
    found: list[Any] = [_of_question(fleet, outboxes, asker, question) for question in QUESTIONS]
    found += [_of_failures(fleet, outboxes), _of_notifications(fleet, own, outboxes, asker)]
    evidence = [key for outbox in outboxes for key in outbox.evidence]
    return [*found, _of_evidence(fleet, evidence)] if evidence else found


def _of_question(
    fleet: Mount, outboxes: Sequence[Outbox], asker: Asker, question: Question
) -> dg.SensorDefinition:
    mounts = [outbox.mount for outbox in outboxes]

    @dg.sensor(
        name=fleet.named(question.sensor),
        jobs=[outbox.job(question.job) for outbox in outboxes],
        minimum_interval_seconds=question.interval(*mounts),
        default_status=fleet.sensor_status(question.sensor),
        description=f"For each of {len(outboxes)} outboxes: {question.description(mounts[0])}",
        owners=list(fleet.owners) or None,
    )
    def ask_all(context: dg.SensorEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
        requests: list[dg.RunRequest] = []
        reasons: dict[str, str] = {}
        failed: dict[str, str] = {}
        for one in asker.ask(mounts, question.look):
            if one.error:
                failed[one.place.name] = line_of(one.error)
                continue
            results = question.decide(context.instance, one.place, one.answer)
            requests += [_of_job(one.place, question, made) for made in results if not isinstance(made, str)]
            reasons[one.place.name] = "; ".join(made for made in results if isinstance(made, str))
        for name, line in failed.items():
            context.log.warning("%s: the database is unavailable; the next tick tries again: %s", name, line)
        for request in requests:
            context.log.info("%s: a run of %s is requested", subject(request), request.job_name)
        return requests or _skipped(context, failed, reasons)

    return ask_all


def _of_job(mount: Mount, question: Question, request: dg.RunRequest) -> dg.RunRequest:
    return request.with_replaced_attrs(job_name=mount.named(question.job))


def _skipped(
    context: dg.SensorEvaluationContext, failed: Mapping[str, str], reasons: Mapping[str, str]
) -> dg.SkipReason:
    """Return the reasons of the outboxes, those that failed first; of many, only some are named."""
    parts = [f"{name}: unavailable: {line}" for name, line in failed.items()]
    parts += [f"{name}: {reason}" for name, reason in reasons.items()]
    shown = parts[: max(_NAMED, len(failed))]
    more = f"; and {len(parts) - len(shown)} more" if len(parts) > len(shown) else ""
    said = f"{len(reasons)} outboxes need no run, {len(failed)} are unavailable: {'; '.join(shown)}{more}"
    context.log.info(said)
    return dg.SkipReason(said)


def _of_failures(fleet: Mount, outboxes: Sequence[Outbox]) -> dg.SensorDefinition:
    owned = [(health.failures_of(outbox.mount), outbox.mount) for outbox in outboxes]

    @dg.run_failure_sensor(
        name=fleet.named("run_failure_sensor"),
        request_jobs=[outbox.job("health_audit_job") for outbox in outboxes],
        default_status=fleet.sensor_status("run_failure_sensor", only_reads=True),
        description=health.FAILURES_DESCRIPTION,
    )
    def run_failure_sensor(context: dg.RunFailureSensorContext) -> list[dg.RunRequest] | dg.SkipReason:
        run = context.dagster_run
        requests = [health.report_request(context, mount) for own, mount in owned if own.has(run)]
        return requests or dg.SkipReason(f"run {run.run_id} of {run.job_name} is not one of this fleet")

    return run_failure_sensor


def _of_evidence(fleet: Mount, evidence: Sequence[dg.AssetKey]) -> dg.AutomationConditionSensorDefinition:
    return dg.AutomationConditionSensorDefinition(
        name=fleet.named("evidence_sensor"),
        target=dg.AssetSelection.assets(*evidence),
        default_status=fleet.sensor_status("evidence_sensor", only_reads=True),
        description="Materialize the evidence of each outbox when it is due.",
    )


def _of_notifications(
    fleet: Mount, own: Watched, outboxes: Sequence[Outbox], asker: Asker
) -> dg.SensorDefinition:
    @dg.sensor(
        name=fleet.named("notification_sensor"),
        minimum_interval_seconds=30,
        default_status=fleet.sensor_status("notification_sensor", only_reads=True),
        description=(
            f"Report failed runs, failed checks, unhealthy workers and dead letters that gave up of "
            f"{len(outboxes)} outboxes and of the fleet, each once. Keep the checks dead_letters_open true "
            "without a run."
        ),
        owners=list(fleet.owners) or None,
    )
    def notification_sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        ended = _notified(context, _ticks(context, fleet, own, outboxes), asker)
        failures = [f"{name}: {one.failure}" for name, one in ended.items() if one.failure]
        events = [one.changed for one in ended.values() if one.changed]
        cursor = cursors_text({name: one.cursor for name, one in ended.items() if one.cursor})
        if failures and not events and cursor == context.cursor:
            raise NotDelivered("; ".join(failures))
        context.update_cursor(cursor)
        said = _said(ended)
        context.log.info(said)
        return dg.SensorResult(skip_reason=dg.SkipReason(said), asset_events=events)

    return notification_sensor


def _ticks(
    context: dg.SensorEvaluationContext, fleet: Mount, own: Watched, outboxes: Sequence[Outbox]
) -> list[tuple[Tick, Watched]]:
    """Return a tick for each outbox, and at last one for the fleet itself."""
    cursors = cursors_of(context.cursor)

    @cache
    def runs(since: datetime) -> Sequence[dg.RunRecord]:
        return notifications.recent_failures(context.instance, since)

    now, stop_at = datetime.now(UTC), time.monotonic() + notifications.SECONDS
    watched = [*((outbox.mount, outbox.watched) for outbox in outboxes), (fleet, own)]
    return [
        (Tick(context, mount, of, cursors.get(mount.name), now=now, stop_at=stop_at, runs=runs), of)
        for mount, of in watched
    ]


def _notified(
    context: dg.SensorEvaluationContext, ticks: Sequence[tuple[Tick, Watched]], asker: Asker
) -> dict[str, Ended]:
    """Ask every database, deliver the notices of all outboxes, and return what was done for each."""
    keys = [key for _, watched in ticks for key in watched.checks]
    states = check_states.read(context.instance, keys)
    by_name = {tick.mount.name: tick for tick, _ in ticks}
    mounts = [tick.mount for tick, _ in ticks if isinstance(tick.mount, FleetMount)]
    look: Callable[[Any, FleetMount], Database] = lambda gateway, mount: by_name[mount.name].look(gateway)  # noqa: E731
    seen = {one.place.name: _database(one) for one in asker.ask(mounts, look)}
    return {
        tick.mount.name: tick.end(
            {key: states[key] for key in watched.checks if key in states},
            seen.get(tick.mount.name, Database()),
        )
        for tick, watched in ticks
    }


def _database(one: Asked[FleetMount, Database]) -> Database:
    if one.error:
        return notifications.unread(one.error)
    return one.answer or Database()


def _said(ended: Mapping[str, Ended]) -> str:
    """Return what was done, in one line, in which outboxes with the same words are named together."""
    names: dict[str, list[str]] = {}
    for name, one in ended.items():
        names.setdefault(one.said, []).append(name)
    return "; ".join(
        f"{', '.join(of) if len(of) <= 3 else f'{len(of)} outboxes'}: {said}" for said, of in names.items()
    )


def cursors_text(cursors: Mapping[str, str]) -> str | None:
    """Return the cursors of all outboxes as text, or None without any. Most are equal, and stored once."""
    names: dict[str, list[str]] = {}
    for name, cursor in cursors.items():
        names.setdefault(cursor, []).append(name)
    return json.dumps(names) if names else None


def cursors_of(text: str | None) -> dict[str, str]:
    """Return the cursor of each outbox by its name. Text of another form contains none."""
    try:
        found = _Cursors.validate_json(text or "{}")
    except ValidationError:
        return {}
    return {name: cursor for cursor, names in found.items() for name in names}

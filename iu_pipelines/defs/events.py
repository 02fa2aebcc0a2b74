"""Events: the job that answers why one event was not delivered."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import dagster as dg
from pydantic import Field

from iu_pipelines.db.queries import Queries
from iu_pipelines.defs.gates import gate_table
from iu_pipelines.defs.kit.asset_metadata import table
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.step_errors import one_clear_line
from iu_pipelines.defs.kit.validated_config import UuidText, validated
from iu_pipelines.domain import deliveries, delivery_reasons, events
from iu_pipelines.domain.deliveries import DeliveryState
from iu_pipelines.domain.events import Explanation, WorkerAnswer
from iu_pipelines.domain.health import at_least
from iu_pipelines.domain.times import in_utc


class WhyConfig(dg.Config):
    """The event to explain."""

    event_id: UuidText = Field(description="The id of the event, a UUID.")


def definitions(mount: Mount) -> dg.Definitions:
    """Return the job that explains one event."""
    return dg.Definitions(jobs=[job(mount)])


def job(mount: Mount) -> dg.JobDefinition:
    """Return the job that explains one event. It only reads."""
    op_name = mount.named("explain_event")

    @dg.op(
        name=op_name,
        required_resource_keys=mount.requires,
        description="Log why the event was not delivered, and show everything that is known of it.",
    )
    def explain_event(context: dg.OpExecutionContext, config: WhyConfig) -> None:
        with one_clear_line(), mount.open(context.resources) as gateway:
            found = events.why(gateway, UUID(config.event_id), mount.workers)
            others = events.workers(gateway, found.event_id)
            delivered = _delivered(gateway, found)
        log = context.log.info if found.event else context.log.warning
        log(f"event {found.event_id}: {found.answer}")
        context.add_output_metadata(
            _metadata(found)
            | _others(found, others)
            | _runs(context.instance, found)
            | _deliveries(context.instance, delivered)
        )
        for one in delivered:
            context.log.info("delivery on route %s: %s", one.route_code, _said(one))

    @dg.job(
        name=mount.named("event_why_job"),
        config=validated(WhyConfig, op_name),
        description="Answer why one event was not delivered. Nothing is written.",
        executor_def=mount.executor,
    )
    def event_why_job() -> None:
        explain_event()

    return event_why_job


def _delivered(gateway: Queries, found: Explanation) -> list[DeliveryState]:
    """Return the state of the delivery of a stored event on each route, or nothing without the module."""
    if found.event is None or not deliveries.is_installed(gateway):
        return []
    return deliveries.why(gateway, found.event_id)


def _said(one: DeliveryState) -> str:
    """Return the state with the word of the reason, what `iu why` says about both, and why it failed."""
    word = f"{one.reason}: " if one.reason in delivery_reasons.REFUSALS else ""
    return f"{one.state}: {word}{delivery_reasons.explain(one, in_utc)}"


def _deliveries(instance: dg.DagsterInstance, found: Sequence[DeliveryState]) -> dict[str, Any]:
    """Return a table of the deliveries of the event, and a link to each run of this instance that claimed."""
    if not found:
        return {}
    shown = table(
        ["route", "state", "why", "since (UTC)", "claims", "next (UTC)", "run"],
        [
            [one.route_code, one.state, _said(one), one.since, one.attempts, one.next_at, one.run_ref]
            for one in found
        ],
    )
    runs = {
        f"run of the delivery on {one.route_code}": dg.MetadataValue.dagster_run(one.run_ref)
        for one in found
        if one.run_ref and instance.has_run(one.run_ref)
    }
    return {"deliveries": shown, **runs}


def _others(found: Explanation, workers: Sequence[str]) -> dict[str, Any]:
    """Return the names of the workers of the database that are not of this mount, or nothing."""
    asked = {one.reading.worker_name for one in found.workers}
    others = [name for name in workers if name not in asked]
    if not others or found.event is None:
        return {}
    return {"other workers": f"{', '.join(others)}: see iu why {found.event_id}"}


def _metadata(found: Explanation) -> dict[str, Any]:
    """Return the answer and the tables behind it, without tables that have no row."""
    tables = {
        "event": table(["of the event", "value"], _event_cells(found)),
        "workers": table(
            ["worker", "status", "events before", "held by gates", "last run", "answer"],
            [_worker_cells(one) for one in found.workers],
        ),
        "routes": table(
            ["route", "enabled", "dry run", "target"],
            [
                [one.route_code, one.enabled, one.dry_run, f"{one.target_kind}: {one.target_ref}"]
                for one in found.routes
            ],
        ),
        "rules": table(
            ["worker", "route", "matched", "rule"],
            [[one.worker_name, one.route_code, one.matched, one.rule] for one in found.rules],
        ),
        "batches": table(
            ["batch", "worker", "run", "started", "events"],
            [
                [str(one.batch_id), one.worker_name, one.run_ref, one.started_at, one.seen]
                for one in found.batches
            ],
        ),
        "attempts": _attempts(found),
        "dead_letters": _letters(found),
        "gates": gate_table(list(found.gates)),
        "retention": table(
            ["domain", "events deleted up to", "deleted at"],
            [[one.event_domain, one.newest_at, one.dropped_at] for one in found.retention],
        ),
    }
    return {"answer": found.answer, **{name: one for name, one in tables.items() if one.records}}


def _event_cells(found: Explanation) -> list[list[object]]:
    event, kind = found.event, found.event_type
    if event is None:
        return [["id", found.event_id], ["stored", "no"]]
    state = "not registered" if kind is None else "enabled" if kind.enabled else "disabled"
    return [
        ["id", event.event_id],
        ["type", event.event_type],
        ["state of the type", state],
        ["domain", event.event_domain],
        ["emitted", event.created_at],
        ["from", found.origin.answer if found.origin else ""],
        ["actor", event.actor_ref],
        ["subject", event.event_subject_ref],
        ["address", event.canonical_address],
        ["event_seq", str(event.event_seq)],
    ]


def _worker_cells(one: WorkerAnswer) -> list[object]:
    reading = one.reading
    waiting = reading.status == "waiting"
    before = at_least(reading.events_before, capped=reading.events_before_capped) if waiting else ""
    held_by = ", ".join(one.held_by)
    return [reading.worker_name, reading.status, before, held_by, reading.last_run_at, one.answer]


def _attempts(found: Explanation) -> dg.TableMetadataValue:
    return table(
        ["attempt", "worker", "route", "no.", "decision", "error", "batch", "at", "run"],
        [
            [
                *(str(one.attempt_id), one.worker_name, one.route_code, one.attempt_no, one.decision),
                *(one.error_detail, "" if one.batch_id is None else str(one.batch_id), one.created_at),
                one.run_ref,
            ]
            for one in found.attempts
        ],
    )


def _letters(found: Explanation) -> dg.TableMetadataValue:
    return table(
        ["dead letter", "worker", "route", "failure", "attempts", "state", "by", "reason", "next replay"],
        [
            [
                *(one.dead_letter_id, one.worker_name, one.route_code, one.failure_detail, one.attempts),
                *(one.resolution or "open", one.resolved_by, one.resolution_reason),
                "" if one.resolution else one.next_replay_at,
            ]
            for one in found.dead_letters
        ],
    )


def _runs(instance: dg.DagsterInstance, found: Explanation) -> dict[str, Any]:
    """Return a link to each run of this instance that made an attempt, by the number of the attempt."""
    made = {one.run_ref: one for one in found.attempts if one.run_ref}
    return {
        f"run of attempt {one.attempt_id}": dg.MetadataValue.dagster_run(run_ref)
        for run_ref, one in made.items()
        if instance.has_run(run_ref)
    }

"""Notices of failed runs, failed checks, unhealthy workers and dead letters that gave up."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import dagster as dg

from iu_pipelines.defs.health import BACKLOG_MOVING
from iu_pipelines.defs.kit.check_states import CheckState
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.notice_channels import clean
from iu_pipelines.defs.kit.notices import Notice
from iu_pipelines.defs.kit.runs import failure_reason
from iu_pipelines.domain.dead_letters import DeadLetter

_SHOWN: Final = (dg.TextMetadataValue, dg.IntMetadataValue, dg.FloatMetadataValue, dg.BoolMetadataValue)


def ended(record: dg.RunRecord) -> datetime:
    """Return when a finished run ended."""
    return datetime.fromtimestamp(record.end_time or record.update_timestamp.timestamp(), UTC)


def run_failed(
    instance: dg.DagsterInstance, mount: Mount, assets: frozenset[dg.AssetKey], record: dg.RunRecord
) -> Notice:
    """Return the notice of a failed run. The subject of *Materialize* is what it selected of `assets`."""
    run = record.dagster_run
    selected = sorted(key.to_user_string() for key in assets & (run.asset_selection or frozenset()))
    return Notice(
        kind="run_failed",
        outbox=mount.name,
        subject=", ".join(selected) if run.job_name.startswith("__") else run.job_name,
        message=clean(f"run {run.run_id} failed: {failure_reason(instance, run.run_id)}"),
        run_id=run.run_id,
        happened_at=ended(record),
    )


def check_failed(mount: Mount, key: dg.AssetCheckKey, state: CheckState) -> Notice:
    """Return the notice of a failed check, or of unhealthy workers if the check is `backlog_moving`."""
    evaluation = state.evaluation
    workers = _text(evaluation, "unhealthy_workers") if key.name == BACKLOG_MOVING.name else None
    return Notice(
        kind="worker_unhealthy" if workers else "check_failed",
        outbox=mount.name,
        subject=workers or key.name,
        message=clean(_words(key, evaluation)),
        run_id=state.run_id,
        happened_at=state.at,
    )


def _words(key: dg.AssetCheckKey, evaluation: dg.AssetCheckEvaluation | None) -> str:
    check = f"check {key.name} of {key.asset_key.to_user_string()}"
    if evaluation is None:
        return f"{check} was not evaluated, because its run failed"
    reasons = _text(evaluation, "reasons")
    found = [f"{name}: {one.value}" for name, one in evaluation.metadata.items() if isinstance(one, _SHOWN)]
    return f"{check} failed, severity {evaluation.severity.value}: {reasons or ', '.join(found)}"


def _text(evaluation: dg.AssetCheckEvaluation | None, name: str) -> str | None:
    value = evaluation.metadata.get(name) if evaluation else None
    return value.value if isinstance(value, dg.TextMetadataValue) else None


def letter_gave_up(mount: Mount, letter: DeadLetter, at: datetime) -> Notice:
    """Return the notice of a dead letter that gave up."""
    reason = f"{letter.failure_code}: {letter.failure_detail or 'no detail'}"
    return Notice(
        kind="dead_letter_gave_up",
        outbox=mount.name,
        subject=str(letter.dead_letter_id),
        message=clean(
            f"the dead letter of event {letter.event_id} on route {letter.route_code or 'none'} is open "
            f"after {letter.attempts} attempts: {reason}"
        ),
        run_id=None,
        happened_at=at,
    )

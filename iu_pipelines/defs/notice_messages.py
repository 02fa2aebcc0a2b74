"""Notices of failed runs, failed checks, unhealthy workers and dead letters that gave up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import dagster as dg

from iu_pipelines.defs.delivery_checks import EXPIRING
from iu_pipelines.defs.health import BACKLOG_MOVING
from iu_pipelines.defs.kit.check_states import CheckState
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.notice_channels import clean
from iu_pipelines.defs.kit.notices import Kind, Notice
from iu_pipelines.defs.kit.runs import failure_reason
from iu_pipelines.domain.dead_letters import DeadLetter

_OF_CHECKS: Final[Mapping[str, tuple[Kind, str]]] = {
    BACKLOG_MOVING.name: ("worker_unhealthy", "unhealthy_workers"),
    EXPIRING: ("promotion_ends", "routes"),
}
"""The kind of the notice of some failed checks, and the metadata that is its subject."""

_SHOWN: Final = (dg.TextMetadataValue, dg.IntMetadataValue, dg.FloatMetadataValue, dg.BoolMetadataValue)


def ended(record: dg.RunRecord) -> datetime:
    """Return when a finished run ended."""
    return datetime.fromtimestamp(record.end_time or record.update_timestamp.timestamp(), UTC)


def run_failed(
    instance: dg.DagsterInstance, mount: Mount, assets: frozenset[dg.AssetKey], record: dg.RunRecord
) -> Notice:
    """Return the notice of a failed run. The subject of *Materialize* is what it selected of `assets`."""
    run = record.dagster_run
    checked = {check.asset_key for check in run.asset_check_selection or ()}
    selected = sorted(key.to_user_string() for key in assets & {*(run.asset_selection or ()), *checked})
    return Notice(
        kind="run_failed",
        outbox=mount.name,
        subject=", ".join(selected) if run.job_name.startswith("__") else run.job_name,
        message=clean(f"run {run.run_id} failed: {failure_reason(instance, run.run_id)}"),
        run_id=run.run_id,
        happened_at=ended(record),
    )


def check_failed(mount: Mount, keys: Sequence[dg.AssetCheckKey], state: CheckState) -> Notice:
    """Return the notice of a failed check, or of several that the same failed run did not evaluate.

    A failed check `backlog_moving` is a notice of unhealthy workers, and one of the promotions is a notice of
    the routes whose promotion ended or ends soon.
    """
    evaluation, names = state.evaluation, ", ".join(key.name for key in keys)
    kind, text = _OF_CHECKS.get(names, ("check_failed", ""))
    subject = _text(evaluation, text)
    return Notice(
        kind=kind if subject else "check_failed",
        outbox=mount.name,
        subject=subject or names,
        message=_failed(keys[0], evaluation) if evaluation else f"not evaluated: run {state.run_id} failed",
        run_id=state.run_id,
        happened_at=state.at,
    )


def _failed(key: dg.AssetCheckKey, evaluation: dg.AssetCheckEvaluation) -> str:
    reasons = _text(evaluation, "reasons")
    found = [f"{name}: {one.value}" for name, one in evaluation.metadata.items() if isinstance(one, _SHOWN)]
    return clean(
        f"check {key.name} of {key.asset_key.to_user_string()} failed, "
        f"severity {evaluation.severity.value}: {reasons or ', '.join(found)}"
    )


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

"""States of asset checks in Dagster's storage: the latest result of each, from any run or sensor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

import dagster as dg

from iu_pipelines.defs.kit.runs import FINISHED

Verdict = Literal["passed", "failed", "not_evaluated"]

_HISTORY: Final = 10
_VERDICTS: Final[Mapping[str, Verdict]] = {"SUCCEEDED": "passed", "FAILED": "failed"}


@dataclass(frozen=True)
class CheckState:
    """The latest result of one check.

    `verdict` is `not_evaluated` if the run that should evaluate the check failed before. `is_latest` is false
    if a later run was to evaluate the check and has not, and `is_pending` is true if that run is unfinished.
    `evaluation` is None unless the verdict is `passed` or `failed`.
    """

    verdict: Verdict | None
    evaluation: dg.AssetCheckEvaluation | None
    run_id: str | None
    at: datetime
    is_latest: bool
    is_pending: bool


def read(
    instance: dg.DagsterInstance, keys: Sequence[dg.AssetCheckKey]
) -> dict[dg.AssetCheckKey, CheckState]:
    """Return the state of each of `keys` that was ever evaluated or planned.

    One query reads all of them. Each check that has been planned but not evaluated costs one more, and the
    runs of all those cost one.
    """
    newest = instance.event_log_storage.get_latest_asset_check_execution_by_key(keys)
    histories = {key: _history(instance, key, record) for key, record in newest.items()}
    planned = {one.run_id for history in histories.values() for one in history if _is_planned(one)}
    runs = instance.get_runs(dg.RunsFilter(run_ids=sorted(planned))) if planned else []
    statuses = {run.run_id: run.status for run in runs}
    return {key: _state(history, statuses) for key, history in histories.items()}


def _is_planned(record: Any) -> bool:
    return record.status.value not in _VERDICTS


def _history(instance: dg.DagsterInstance, key: dg.AssetCheckKey, newest: Any) -> Sequence[Any]:
    if not _is_planned(newest):
        return [newest]
    return instance.event_log_storage.get_asset_check_execution_history(key, limit=_HISTORY)


def _state(history: Sequence[Any], statuses: Mapping[str, dg.DagsterRunStatus]) -> CheckState:
    """Return the newest decided state of `history`, which begins with the newest record."""
    verdicts = [_verdict(record, statuses) for record in history]
    place = next((place for place, verdict in enumerate(verdicts) if verdict), 0)
    record, verdict = history[place], verdicts[place]
    newest = statuses.get(history[0].run_id) if _is_planned(history[0]) else None
    return CheckState(
        verdict=verdict,
        evaluation=record.evaluation if verdict in ("passed", "failed") else None,
        run_id=record.run_id or None,
        at=_moment(record),
        is_latest=place == 0 and verdict is not None,
        is_pending=newest is not None and newest not in FINISHED,
    )


def _verdict(record: Any, statuses: Mapping[str, dg.DagsterRunStatus]) -> Verdict | None:
    if _is_planned(record):
        failed = statuses.get(record.run_id) == dg.DagsterRunStatus.FAILURE
        return "not_evaluated" if failed else None
    return _VERDICTS[record.status.value]


def _moment(record: Any) -> datetime:
    at = record.event.timestamp if record.event else record.create_timestamp
    return datetime.fromtimestamp(at, UTC)

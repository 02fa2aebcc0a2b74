"""Runs in Dagster's storage: which are unfinished, and which of two for the same purpose goes on."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Final

import dagster as dg

FINISHED: Final = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
UNFINISHED: Final = tuple(status for status in dg.DagsterRunStatus if status not in FINISHED)
_EXECUTING: Final = (dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING)
_LOOKED_AT: Final = 500
PARTITION_TAG: Final = "dagster/partition"


def unfinished_run(instance: dg.DagsterInstance, tags: Mapping[str, str]) -> str | None:
    """Return the id of an unfinished run with `tags`, or None."""
    runs = instance.get_runs(dg.RunsFilter(statuses=list(UNFINISHED), tags=tags), limit=1)
    return runs[0].run_id if runs else None


def unfinished_run_of_asset(
    instance: dg.DagsterInstance, asset: dg.AssetKey, partition: str, job_name: str
) -> str | None:
    """Return the id of an unfinished run of `job_name`, or of *Materialize*, for one partition, or None.

    Such a run may still be queued, and then has no tag but the one of its partition.
    """
    found = dg.RunsFilter(statuses=list(UNFINISHED), tags={PARTITION_TAG: partition})
    for run in instance.get_runs(found, limit=100):
        if run.job_name == job_name or asset in (run.asset_selection or ()):
            return run.run_id
    return None


def unfinished_runs(
    instance: dg.DagsterInstance, tags: Mapping[str, str], asset: dg.AssetKey, job_name: str
) -> list[dg.DagsterRun]:
    """Return the unfinished runs with `tags`, and those that materialize `asset`.

    These are runs of `job_name` that select the asset, or everything, and those of *Materialize*.
    """
    tagged = instance.get_runs(dg.RunsFilter(statuses=list(UNFINISHED), tags=tags), limit=_LOOKED_AT)
    found = {run.run_id: run for run in tagged}
    for run in instance.get_runs(dg.RunsFilter(statuses=list(UNFINISHED)), limit=_LOOKED_AT):
        if asset in (run.asset_selection or ()) or (run.job_name == job_name and not run.asset_selection):
            found.setdefault(run.run_id, run)
    return list(found.values())


def earlier_run(instance: dg.DagsterInstance, run_id: str, tags: Mapping[str, str]) -> str | None:
    """Return the id of a run with `tags` that executes since before the run `run_id`, or None.

    Both runs must have the tags before either calls this function: then exactly one of two goes on. A run of
    another code location does not count, nor does one whose maximum runtime is over: its host is gone.
    """
    executing = dg.RunsFilter(statuses=list(_EXECUTING), tags=tags)
    records = {one.dagster_run.run_id: one for one in instance.get_run_records(executing, limit=100)}
    own = records.pop(run_id, None)
    if own is None:
        return None
    others = [
        one
        for one in records.values()
        if _order(one) < _order(own) and _is_same_location(one, own) and not _is_overdue(one)
    ]
    return min(others, key=_order).dagster_run.run_id if others else None


def _order(record: dg.RunRecord) -> tuple[float, int]:
    return record.start_time or 0.0, record.storage_id


def _is_same_location(one: dg.RunRecord, other: dg.RunRecord) -> bool:
    """Return whether both runs were launched from one code location, or one of them from none."""
    origins = [record.dagster_run.remote_job_origin for record in (one, other)]
    return None in origins or len({origin.location_name for origin in origins if origin}) == 1


def is_gone(record: dg.RunRecord) -> bool:
    """Return whether the maximum runtime of a run that executes is over: then its host is gone."""
    return record.dagster_run.status in _EXECUTING and _is_overdue(record)


def _is_overdue(record: dg.RunRecord) -> bool:
    limit = record.dagster_run.tags.get(dg.MAX_RUNTIME_SECONDS_TAG)
    started = record.start_time or record.create_timestamp.timestamp()
    return limit is not None and time.time() > started + float(limit)


def failed_runs(instance: dg.DagsterInstance, since: datetime, limit: int) -> list[dg.RunRecord]:
    """Return failed runs, also those of other code locations, that were updated after `since`, in that order.

    A run is updated when it fails, and later when a tag is added to it.
    """
    found = dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE], updated_after=since)
    return list(instance.get_run_records(found, limit=limit, order_by="update_timestamp", ascending=True))


def failure_reason(instance: dg.DagsterInstance, run_id: str) -> str:
    """Return why a run failed: the message of its first failed step, or else that of the run."""
    kinds = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}
    logged = [entry.dagster_event for entry in instance.all_logs(run_id, of_type=kinds)]
    events = sorted((one for one in logged if one), key=lambda one: not one.is_step_failure)
    return _message(events[0]) if events else "no message"


def _message(event: dg.DagsterEvent) -> str:
    if not event.is_step_failure:
        return event.message or "no message"
    data = event.step_failure_data
    if data.user_failure_data and data.user_failure_data.description:
        return data.user_failure_data.description
    error = data.error
    while error and error.cause:
        error = error.cause
    return error.message if error else event.message or "no message"

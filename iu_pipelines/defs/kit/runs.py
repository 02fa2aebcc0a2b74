"""The statuses of finished and unfinished runs."""

from __future__ import annotations

from typing import Final

import dagster as dg

FINISHED: Final = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
UNFINISHED: Final = tuple(status for status in dg.DagsterRunStatus if status not in FINISHED)


def unfinished_run(instance: dg.DagsterInstance, tags: dict[str, str]) -> str | None:
    """Return the id of an unfinished run with `tags`, or None."""
    runs = instance.get_runs(dg.RunsFilter(statuses=list(UNFINISHED), tags=tags), limit=1)
    return runs[0].run_id if runs else None

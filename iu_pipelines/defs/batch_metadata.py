"""Metadata of a run of the worker: the counts of each batch, and a summary with a table and a plot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import dagster as dg

from iu_pipelines.db.queries import Queries
from iu_pipelines.defs.batch_plot import plot
from iu_pipelines.defs.kit.asset_metadata import markdown_table
from iu_pipelines.domain import worker
from iu_pipelines.domain.health import HealthReport
from iu_pipelines.domain.worker import Batch, Drain

_SHOWN: Final = 20


def batch_metadata(batch: Batch) -> dict[str, Any]:
    """Return the counts of one batch. The web UI plots each of them over all batches."""
    return {
        "batch_id": batch.batch_id,
        "seen": batch.seen,
        "dry_run": batch.dry_run,
        "skipped": batch.skipped,
        "failed": batch.failed,
        "dead_lettered": batch.dead_lettered,
        "first_event_seq": batch.first_event_seq or 0,
        "last_event_seq": batch.last_event_seq or 0,
        "events_per_second": round(batch.events_per_second or 0.0, 1),
    }


def summary_metadata(
    gateway: Queries, run: Drain, before: HealthReport, after: HealthReport
) -> dict[str, Any]:
    """Return the summary of a run.

    The batches are read from `iu_route_batch` by the id of the run. So the summary also contains batches that
    were made before Dagster retried the step after a lost connection.
    """
    made = worker.batches(gateway, run_ref=run.run_ref, limit=1_000)[::-1]
    seen = sum(batch.seen for batch in made)
    seconds = _seconds(made)
    summary = {
        "stopped_reason": run.stopped_reason or "cancelled",
        "worker_name": run.worker_name,
        "batches": len(made),
        "run_seen": seen,
        "run_attempts_written": sum(batch.attempts_written for batch in made),
        "run_dead_lettered": sum(batch.dead_lettered for batch in made),
        "run_events_per_second": round(seen / seconds, 1) if seconds else 0.0,
        "backlog_before": before.backlog,
        "backlog_before_is_capped": before.backlog_capped,
        "backlog_after": after.backlog,
        "backlog_after_is_capped": after.backlog_capped,
        "dagster/row_count": after.attempts_in_audit,
        "batches_of_this_run": f"iu batch list --run {run.run_ref}",
        "rows_of_this_run": f"select * from public.fn_iu_attempts_by_run('{run.run_ref}', 10000)",
        "table": _table(made),
    }
    return summary | ({"plot": dg.MetadataValue.md(plot(made, after.backlog))} if made else {})


def _seconds(made: Sequence[Batch]) -> float:
    return (made[-1].finished_at - made[0].started_at).total_seconds() if made else 0.0


def _table(made: Sequence[Batch]) -> dg.MarkdownMetadataValue:
    rows = [
        [
            batch.batch_id,
            batch.seen,
            batch.dry_run,
            batch.skipped,
            batch.failed,
            f"{batch.first_event_seq} to {batch.last_event_seq}",
            round(batch.events_per_second or 0),
        ]
        for batch in made[-_SHOWN:]
    ]
    return markdown_table(["batch", "seen", "dry run", "skipped", "failed", "event_seq", "events/s"], rows)

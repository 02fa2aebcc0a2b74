"""How the batches of a run are shown: scalars for each, a table and a plot for all of them."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any, Final

import dagster as dg

from iu_pipelines.db.queries import Queries
from iu_pipelines.defs.kit.asset_metadata import markdown_table
from iu_pipelines.domain import worker
from iu_pipelines.domain.health import HealthReport
from iu_pipelines.domain.worker import Batch, Drain

_SHOWN: Final = 20
_COLOURS: Final = {"dry_run": "#4F43DD", "skipped": "#9AA1AD", "failed": "#D24D3F"}


def batch_metadata(batch: Batch) -> dict[str, Any]:
    """Return the numbers of one batch; the UI plots them over the batches."""
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
    """Return the summary of a run, read from the ledger of batches by the run's id.

    A step that was retried after a lost connection thus speaks of every batch of the run.
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
        "backlog_after": after.backlog,
        "dagster/row_count": after.attempts_in_audit,
        "batches_of_this_run": f"iu batch list --run {run.run_ref}",
        "rows_of_this_run": f"select * from public.iu_route_attempt where run_ref = '{run.run_ref}'",
        "table": _table(made),
    }
    return summary | ({"plot": dg.MetadataValue.md(_plot(made, after.backlog))} if made else {})


def _seconds(made: Sequence[Batch]) -> float:
    return (
        (made[-1].finished_at - made[0].started_at).total_seconds() if made and made[-1].finished_at else 0.0
    )


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


def _plot(made: Sequence[Batch], backlog_after: int) -> str:
    """Draw attempts by decision and the backlog over the seconds of the run, as an inline PNG."""
    from matplotlib.figure import Figure  # noqa: PLC0415  0.4 s that only a run with batches needs

    start = made[0].started_at
    times = [0.0, *((_finish(batch) - start).total_seconds() for batch in made)]
    figure = Figure(figsize=(7.2, 2.6), dpi=80, layout="constrained")
    left, right = figure.subplots(1, 2)
    for decision, colour in _COLOURS.items():
        counts = [0, *accumulate(getattr(batch, decision) for batch in made)]
        if counts[-1]:
            left.plot(times, counts, color=colour, label=f"{decision} {counts[-1]:,}", drawstyle="steps-post")
    left.set(title="attempts by decision", xlabel="seconds into the run")
    left.legend(frameon=False, fontsize="small")
    waiting = list(accumulate((batch.seen for batch in reversed(made)), initial=backlog_after))[::-1]
    right.plot(times, waiting, color="#1F2937", drawstyle="steps-post")
    right.set(title="events waiting", xlabel="seconds into the run", ylim=(0, None))
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    return _inline(figure)


def _inline(figure: Any) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return f"![batches of the run](data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()})"


def _finish(batch: Batch) -> datetime:
    return batch.finished_at or datetime.now(UTC)

"""Batches as an asset, and the report of a run: observations of many batches at a time, and a summary.

An event in Dagster's storage costs as much as ten batches of 1,000 events. So a run collects its batches and
logs one observation for many of them, with a table that has a row for each (decision 020).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import dagster as dg

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.queries import Queries
from iu_pipelines.defs.batch_plot import plot
from iu_pipelines.defs.dead_letters import DEAD_LETTERS_OPEN
from iu_pipelines.defs.kit.asset_metadata import moment, table
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.sources import Seen, Source
from iu_pipelines.domain import worker
from iu_pipelines.domain.health import HealthReport
from iu_pipelines.domain.worker import Batch, BatchResult, Drain

_SHARE: Final = 0.05
"""The part of a run's time that its observations may take."""

_MOST: Final = 500
_SHOWN: Final = 20
_POINTS: Final = 24


def definitions(mount: Mount) -> dg.Definitions:
    """Return the asset of the batches."""
    return dg.Definitions(assets=[BATCHES.asset(mount)])


def _seen(gateway: Queries, mount: Mount) -> Seen:
    newest = [made for name in mount.workers for made in worker.batches(gateway, name, limit=_SHOWN)]
    newest.sort(key=lambda made: made.batch_id, reverse=True)
    return Seen(
        str(newest[0].batch_id if newest else 0),
        {
            "newest_batch_at": moment(newest[0].finished_at if newest else None),
            "newest_batches": batch_table(newest[:_SHOWN]),
        },
    )


BATCHES: Final = Source(
    table="iu_route_batch",
    row=Batch,
    description=(
        "One row for each batch: one transaction of the route worker. The run that made it is its `run_ref`. "
        "Each observation covers one or more batches, whose table it shows."
    ),
    sql_files=("runtime/050_worker.sql", "objects/worker/fn_iu_route_worker_run.sql"),
    look=_seen,
    upstream=("iu_route_attempt",),
)


class BatchReport:
    """Collects the batches of a run, and logs them as observations of `iu_route_batch`.

    An observation is logged when it costs at most a twentieth of the time since the last one, and after 500
    batches. So a slow batch has an observation of its own.
    """

    def __init__(
        self,
        context: dg.OpExecutionContext,
        gateway: Gateway,
        mount: Mount,
        worker_name: str,
    ) -> None:
        self._context = context
        self._gateway = gateway
        self._mount = mount
        self._run_ref = context.run.run_id
        self._worker_name = worker_name
        self._last_batch = 0
        self._waiting = 0
        self._dead_lettered = 0
        self._cost = 0.0
        self._flushed_at = time.monotonic()

    def add(self, result: BatchResult) -> None:
        """Add one batch, and log those collected if it is time."""
        if not self._waiting and not self._last_batch:
            self._last_batch = (result.batch_id or 1) - 1
        self._waiting += 1
        self._dead_lettered += result.dead_lettered
        if self._is_due():
            self.flush()

    def _is_due(self) -> bool:
        passed = time.monotonic() - self._flushed_at
        return passed * _SHARE >= self._cost or self._waiting >= _MOST

    def flush(self) -> None:
        """Log the batches collected, if any."""
        if not self._waiting:
            return
        begun = time.monotonic()
        made = worker.batches_after(
            self._gateway, self._worker_name, self._run_ref, self._last_batch, self._waiting
        )
        if made:
            self._context.log_event(_observation(self._mount, made))
            self._last_batch = made[-1].batch_id
        if self._dead_lettered:
            DEAD_LETTERS_OPEN.log(self._context, self._gateway, self._mount)
        self._waiting = self._dead_lettered = 0
        self._flushed_at = time.monotonic()
        self._cost = self._flushed_at - begun


@contextmanager
def reported(
    context: dg.OpExecutionContext, gateway: Gateway, mount: Mount, worker_name: str
) -> Iterator[BatchReport]:
    """Yield a report, and log the batches that it still holds at the end, also after an error."""
    report = BatchReport(context, gateway, mount, worker_name)
    try:
        yield report
    finally:
        report.flush()


def _observation(mount: Mount, made: Sequence[Batch]) -> dg.AssetObservation:
    return dg.AssetObservation(
        mount.key(BATCHES.table),
        # The web UI shows a partition in its list of events, and would otherwise show only the minute.
        partition=_range(made) if len(mount.workers) == 1 else f"{made[0].worker_name}: {_range(made)}",
        description=f"{made[0].worker_name}: {_range(made)}, {sum(batch.seen for batch in made):,} events",
        metadata={
            "worker": made[0].worker_name,
            "batches": _range(made),
            **_plotted(mount, made),
            "table": batch_table(made),
        },
        tags={"dagster/data_version": str(made[-1].batch_id)},
    )


def _range(made: Sequence[Batch]) -> str:
    first, last = made[0].batch_id, made[-1].batch_id
    return f"batch {first}" if first == last else f"batches {first} to {last}"


def _plotted(mount: Mount, made: Sequence[Batch]) -> dict[str, float]:
    """Return the figures that the web UI plots over time, with one plot for each worker."""
    seconds = (made[-1].finished_at - made[0].started_at).total_seconds()
    seen = sum(batch.seen for batch in made)
    figures = {
        "events": seen,
        "dry_run": sum(batch.dry_run for batch in made),
        "skipped": sum(batch.skipped for batch in made),
        "failed": sum(batch.failed for batch in made),
        "dead_lettered": sum(batch.dead_lettered for batch in made),
        "events_per_second": round(seen / seconds, 1) if seconds else 0.0,
    }
    if len(mount.workers) == 1:
        return figures
    return {f"{label} of {made[0].worker_name}": figure for label, figure in figures.items()}


_COLUMNS: Final[Mapping[str, Callable[[Batch], object]]] = {
    "batch": lambda batch: str(batch.batch_id),
    "finished (UTC)": lambda batch: batch.finished_at,
    "events": lambda batch: batch.seen,
    "dry run": lambda batch: batch.dry_run,
    "skipped": lambda batch: batch.skipped,
    "failed": lambda batch: batch.failed,
    "events/s": lambda batch: round(batch.events_per_second or 0),
    "run": lambda batch: (batch.run_ref or "")[:8],
    "worker": lambda batch: batch.worker_name,
}


def batch_table(made: Sequence[Batch]) -> dg.TableMetadataValue:
    """Return a table with a row for each batch."""
    return table(list(_COLUMNS), [[cell(batch) for cell in _COLUMNS.values()] for batch in made])


def summary_metadata(
    gateway: Queries, run: Drain, before: HealthReport, after: HealthReport
) -> dict[str, Any]:
    """Return the summary of a run.

    The batches are read from `iu_route_batch` by the id of the run. So the summary also contains batches that
    were made before Dagster retried the step after a lost connection.
    """
    totals = worker.run_totals(gateway, run.run_ref or "")
    newest = worker.batches(gateway, run_ref=run.run_ref, limit=_SHOWN)[::-1]
    summary = {
        "stopped_reason": run.stopped_reason or "cancelled",
        "worker_name": run.worker_name,
        "batches": totals.batches,
        "run_seen": totals.seen,
        "run_attempts_written": totals.attempts_written,
        "run_dead_lettered": totals.dead_lettered,
        "run_events_per_second": round(totals.events_per_second, 1),
        "backlog_before": before.backlog,
        "backlog_before_is_capped": before.backlog_capped,
        "backlog_after": after.backlog,
        "backlog_after_is_capped": after.backlog_capped,
        "newest_batch_at": moment(totals.finished_at),
        "dagster/row_count": after.attempts_in_audit,
        "batches_of_this_run": f"iu batch list --run {run.run_ref}",
        "rows_of_this_run": f"select * from public.fn_iu_attempts_by_run('{run.run_ref}', 10000)",
    }
    curve = worker.run_curve(gateway, run.run_ref or "", _POINTS)
    if curve:
        summary["plot"] = dg.MetadataValue.md(plot(curve, after.backlog))
    return summary | {"table": batch_table(newest)}

"""The printed health report of a worker."""

from __future__ import annotations

from iu_pipelines.cli.output import duration, print_line, print_table, when
from iu_pipelines.domain import health


def print_health(report: health.HealthReport, faults: int | None = None) -> None:
    """Print the health report of a worker as a table, and its reasons below.

    `faults` is how many of the reasons, from the first, make it unhealthy; by default all of them.
    """
    rows = [
        ("healthy", report.healthy),
        ("backlog", health.at_least(report.backlog, capped=report.backlog_capped)),
        ("oldest in backlog", duration(report.backlog_oldest_seconds if report.backlog else None)),
        ("attempts of all workers", report.attempts_in_audit),
        ("failed attempts of all workers", report.failed_attempts),
        ("delivered on all routes", report.delivered_sent),
        (
            "open dead letters of all workers",
            health.at_least(report.dead_letter_open, capped=report.dead_letter_open_capped),
        ),
        ("last run", when(report.last_run_at)),
        ("last progress", when(report.last_progress_at)),
        ("cursor", report.cursor_event_id),
    ]
    print_table(f"Health of {report.worker_name}", ("", "value"), rows, empty="unknown")
    for place, reason in enumerate(report.reasons):
        is_fault = not report.healthy and (faults is None or place < faults)
        print_line(f"  reason: {reason}" if is_fault else f"  note: {reason}")

"""The printed health report of a worker."""

from __future__ import annotations

from iu_pipelines.cli.output import duration, print_line, print_table, when
from iu_pipelines.domain import health


def print_health(report: health.HealthReport) -> None:
    """Print the health report of a worker as a table, and its reasons below."""
    rows = [
        ("healthy", report.healthy),
        ("backlog", health.at_least(report.backlog, capped=report.backlog_capped)),
        ("oldest in backlog", duration(report.backlog_oldest_seconds if report.backlog else None)),
        ("attempts in audit", report.attempts_in_audit),
        ("failed attempts", report.failed_attempts),
        ("delivered", report.delivered_sent),
        (
            "open dead letters",
            health.at_least(report.dead_letter_open, capped=report.dead_letter_open_capped),
        ),
        ("last run", when(report.last_run_at)),
        ("last progress", when(report.last_progress_at)),
        ("cursor", report.cursor_event_id),
    ]
    print_table(f"Health of {report.worker_name}", ("", "value"), rows, empty="unknown")
    for reason in report.reasons:
        print_line(f"  note: {reason}" if report.healthy else f"  reason: {reason}")

"""``iu status``: gates, health with its reasons, steps, backlog and events by type."""

from __future__ import annotations

import typer

from iu_pipelines import settings
from iu_pipelines.cli.connection import connect
from iu_pipelines.cli.gates import print_gates
from iu_pipelines.cli.options import AsJson, DatabaseUrl, Worker
from iu_pipelines.cli.output import duration, print_json, print_line, print_table, when
from iu_pipelines.cli.steps import print_states
from iu_pipelines.db.steps import plan
from iu_pipelines.domain import gates, health, outbox


def register(app: typer.Typer) -> None:
    """Add the command about health."""
    app.command()(status)


def status(worker_name: Worker = None, database_url: DatabaseUrl = None, as_json: AsJson = False) -> None:
    """Show how things stand. Exit code 1 when a step is pending or the worker is unhealthy."""
    chosen = settings.load(worker_name=worker_name)
    with connect(database_url) as gateway:
        states = plan.states(gateway)
        if any(state.status != "applied" for state in states):
            _show_plan(states, as_json)
            raise typer.Exit(1)
        found = gates.list_gates(gateway)
        report = health.read(gateway, chosen.worker_name)
        events = outbox.overview(gateway)
    if as_json:
        print_json({"health": report, "gates": found, "steps": states, "events": events})
    else:
        print_gates(found)
        print_events(events)
        print_health(report)
        print_line(f"Steps: all {len(states)} are applied")
    if not report.healthy:
        raise typer.Exit(1)


def _show_plan(states: list[plan.StepState], as_json: bool) -> None:
    if as_json:
        print_json({"health": None, "gates": [], "steps": states, "events": None})
        return
    print_states(states)
    print_line("The schema is not as this version wants it. Run: iu migrate")


def print_events(events: outbox.Overview) -> None:
    """Print events by type as a table."""
    title = f"Events by type (the newest {outbox.COUNTED_EVENTS:,})" if events.capped else "Events by type"
    rows = [(count.event_type, count.events, count.newest_at) for count in events.by_type]
    print_table(title, ("event type", "events", "newest"), rows, empty="none yet")


def print_health(report: health.HealthReport) -> None:
    """Print the health of a worker as a table, and its reasons below."""
    backlog = f"{report.backlog:,}{' or more' if report.backlog_capped else ''}"
    rows = [
        ("healthy", report.healthy),
        ("backlog", backlog),
        ("oldest in backlog", duration(report.backlog_oldest_seconds if report.backlog else None)),
        ("attempts in audit", report.attempts_in_audit),
        ("failed attempts", report.failed_attempts),
        ("delivered", report.delivered_sent),
        ("open dead letters", report.dead_letter_open),
        ("last run", when(report.last_run_at)),
        ("cursor", report.cursor_event_id),
    ]
    print_table(f"Health of {report.worker_name}", ("", "value"), rows, empty="unknown")
    for reason in report.reasons:
        print_line(f"  because: {reason}" if not report.healthy else f"  note: {reason}")

"""`iu status`: gates, events by type, the health report of a worker, and steps."""

from __future__ import annotations

import shlex

import typer

from iu_pipelines import settings
from iu_pipelines.cli.command import Answer, add_command
from iu_pipelines.cli.gates import print_gates
from iu_pipelines.cli.options import Worker
from iu_pipelines.cli.output import duration, print_line, print_table, when
from iu_pipelines.cli.steps import print_states
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import plan
from iu_pipelines.domain import gates, health, outbox, worker
from iu_pipelines.domain.outbox import IU_DOMAIN


def register(app: typer.Typer) -> None:
    """Add the command `iu status`."""
    add_command(app, status)


def status(gateway: Gateway, worker_name: Worker = None) -> Answer:
    """Show gates, events, health and steps. Exit code 1 when a step is pending or the worker is unhealthy."""
    chosen = settings.load(worker_name=worker_name)
    states = plan.states(gateway)
    if any(state.status != "applied" for state in states):
        nothing = {"health": None, "gates": [], "steps": states, "events": None, "unread_domains": []}
        return Answer(nothing, lambda: _print_plan(states), failed=True)
    found = gates.list_gates(gateway)
    report = health.read(gateway, chosen.worker_name)
    domain, *_ = worker.domains(gateway, [chosen.worker_name])
    events = outbox.overview(gateway, [domain])
    unread = health.unread_domains(gateway)

    def show() -> None:
        print_gates(found)
        print_events(events, domain)
        print_health(report)
        print_unread(unread)
        print_line(f"Steps: all {len(states)} are applied")

    return Answer(
        {
            "health": report,
            "gates": found,
            "steps": states,
            "events": events,
            "unread_domains": unread,
        },
        show,
        failed=not report.healthy,
    )


def _print_plan(states: list[plan.StepState]) -> None:
    print_states(states)
    print_line("The schema is not that of this version. Run: iu migrate")


def print_events(events: outbox.Overview, domain: str = IU_DOMAIN) -> None:
    """Print the events of a domain by type as a table."""
    title = "Events by type" if domain == IU_DOMAIN else f"Events of domain {domain} by type"
    title += f" (the newest {outbox.COUNTED_EVENTS:,})" if events.capped else ""
    rows = [(count.event_type, count.events, count.newest_at) for count in events.by_type]
    print_table(title, ("event type", "events", "newest"), rows, empty="none yet")


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


def print_unread(domains: list[health.UnreadDomain]) -> None:
    """Print how to read the domains that the notes of the health report name, if there are any."""
    for domain in domains:
        name = shlex.quote(domain.event_domain)
        print_line(f"  read domain {name} with: iu worker add NAME --domain {name} --reason WHY")

"""`iu retention`: the state of retention in each domain, its rounds, and a run by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from iu_pipelines.cli.command import Answer, add_command, add_group
from iu_pipelines.cli.options import Limit, Reason
from iu_pipelines.cli.output import print_line, print_table
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import retention


def register(app: typer.Typer) -> None:
    """Add the commands about retention."""
    group = add_group(
        app, "retention", "Delete old events that every worker has read, and show the state of retention."
    )
    add_command(group, show)
    add_command(group, run, writes=True)


def show(gateway: Gateway, limit: Limit = 10) -> Answer:
    """Show the state of retention in each domain, and the newest rounds.

    Examples:
        iu retention show
    """
    states = retention.states(gateway)
    rounds = retention.history(gateway, limit)
    return Answer({"domains": states, "history": rounds}, lambda: _print_states(states, rounds))


def _print_states(states: Sequence[retention.DomainState], rounds: Sequence[retention.Round]) -> None:
    print_table(
        f"Retention (setting {retention.SETTING}; 0 days: off)",
        ("domain", "days", "oldest event", "overdue days", "held by"),
        [
            (one.event_domain, one.retention_days, one.oldest_event_at, one.overdue_days, one.held_by)
            for one in states
        ],
        empty="no worker has read anything yet",
    )
    print_table(
        "Newest rounds",
        ("at", "domain", "up to", "events", "attempts", "by", "reason"),
        [
            (
                one.dropped_at,
                one.event_domain,
                one.to_seq,
                one.events,
                one.attempts,
                one.dropped_by,
                one.reason,
            )
            for one in rounds
        ],
        empty="none",
    )


def run(
    gateway: Gateway,
    reason: Reason = "iu retention run",
    max_rounds: Annotated[
        int,
        typer.Option(
            "--max-rounds", min=1, max=1_000_000, help="Stop after this many rounds; each is one transaction."
        ),
    ] = 1_000,
    max_seconds: Annotated[
        float, typer.Option("--max-seconds", min=0.1, max=86_400, help="Stop after this many seconds.")
    ] = 600.0,
) -> Answer:
    """Delete events older than the setting that every worker has read and that have no open dead letter.

    Examples:
        iu retention run
        iu retention run --max-seconds 60 --reason "the disk is nearly full"
    """
    outcome = retention.run(gateway, reason, retention.Limits(max_rounds, max_seconds))
    return Answer(outcome, lambda: _print_outcome(outcome))


def _print_outcome(outcome: retention.Outcome) -> None:
    print_line(f"{outcome.stopped_reason}: {outcome.events:,} events, {outcome.attempts:,} attempts dropped")
    if outcome.stopped_reason == "retention_off":
        print_line(f"turn it on with: iu gate set {retention.SETTING} DAYS --reason WHY")
    for note in outcome.held_by:
        print_line(f"  note: {note}")

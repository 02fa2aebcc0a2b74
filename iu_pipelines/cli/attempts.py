"""``iu audit``: what was tried, how it ended, and what was set aside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

import typer

from iu_pipelines.cli.connection import connect
from iu_pipelines.cli.dead_letters import print_letters
from iu_pipelines.cli.options import AsJson, DatabaseUrl, Limit, parse_uuid
from iu_pipelines.cli.output import print_json, print_table
from iu_pipelines.domain import attempts, dead_letters


def register(app: typer.Typer) -> None:
    """Add the commands about attempts."""
    app.command()(audit)


def audit(
    event: Annotated[
        UUID | None,
        typer.Option(
            parser=parse_uuid, metavar="UUID", show_default=False, help="Only the attempts of this event."
        ),
    ] = None,
    run_ref: Annotated[
        str | None, typer.Option("--run", show_default=False, help="Only the attempts of this run.")
    ] = None,
    limit: Limit = 10,
    database_url: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Show attempts by decision, the newest attempts, and the open dead letters."""
    with connect(database_url) as gateway:
        counts = attempts.counts_by_decision(gateway)
        tries = (
            attempts.for_event(gateway, event) if event else attempts.recent(gateway, limit, run_ref=run_ref)
        )
        letters = dead_letters.list_letters(gateway, limit=limit)
        letters_open = dead_letters.count_open(gateway)
    if as_json:
        print_json(
            {
                "attempts_by_decision": {count.decision: count.attempts for count in counts},
                "attempts": tries,
                "dead_letter_open": letters_open,
                "dead_letters": letters,
            }
        )
        return
    print_counts(counts)
    print_attempts("Newest attempts" if event is None else f"Attempts of {event}", tries)
    print_letters(f"Open dead letters ({letters_open:,})", letters)


def print_counts(counts: Sequence[attempts.DecisionCount]) -> None:
    """Print attempts by decision as a table."""
    rows = [(count.decision, count.attempts) for count in counts]
    print_table("Attempts by decision", ("decision", "attempts"), rows, empty="none yet")


def print_attempts(title: str, tries: Sequence[attempts.Attempt]) -> None:
    """Print attempts as a table."""
    columns = ("attempt", "batch", "at", "event", "route", "try", "decision", "delivered", "error")
    rows = [
        (
            str(attempt.attempt_id),
            None if attempt.batch_id is None else str(attempt.batch_id),
            attempt.created_at,
            attempt.event_id,
            attempt.route_code,
            attempt.attempt_no,
            attempt.decision,
            attempt.delivered,
            attempt.error_detail or attempt.error_code,
        )
        for attempt in tries
    ]
    print_table(title, columns, rows, empty="none yet")

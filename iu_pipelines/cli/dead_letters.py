"""`iu replay` and `iu discard`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

import typer

from iu_pipelines.cli.command import Answer, Invocation, add_command
from iu_pipelines.cli.options import Limit, Reason, parse_uuid
from iu_pipelines.cli.output import print_table, when
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import dead_letters
from iu_pipelines.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add the commands about dead letters."""
    add_command(app, replay, writes=True)
    add_command(app, discard, writes=True)


def replay(
    call: Invocation,
    dead_letter_id: Annotated[
        UUID | None,
        typer.Argument(
            parser=parse_uuid,
            metavar="[ID]",
            show_default=False,
            help="The id of a dead letter, from iu audit.",
        ),
    ] = None,
    due: Annotated[
        bool,
        typer.Option(
            "--due",
            help="Replay every open dead letter that is due, or whose route changed after its last attempt.",
        ),
    ] = False,
    limit: Limit = 100,
    run_ref: Annotated[
        str | None, typer.Option(show_default=False, help="A name for this run, recorded in its attempts.")
    ] = None,
) -> Answer:
    """Replay one dead letter, or with --due every open one that is due.

    Examples:
        iu replay 0199c1d2-0000-7000-8000-000000000077
        iu replay --due --limit 500
    """
    if (dead_letter_id is None) != due:
        raise UsageError(
            "exactly one of ID and --due is required",
            hint="List the open dead letters with: iu audit",
        )
    with call.connect() as gateway:
        wanted = [dead_letter_id] if dead_letter_id else _due_ids(gateway, limit)
        results = [dead_letters.replay(gateway, letter_id, run_ref) for letter_id in wanted]
        none_due = "" if results else _none_due(gateway)
    return Answer(results, lambda: _print_replays(results, none_due))


def _none_due(gateway: Gateway) -> str:
    letters = dead_letters.list_letters(gateway, limit=1)
    if not letters:
        return "no letter is due, and none is open"
    count = dead_letters.count_open(gateway)
    is_are = "is" if count == 1 else "are"
    next_at = when(letters[0].next_replay_at)
    return f"no letter is due; {count:,} {is_are} open, the next at {next_at}. One before that: iu replay ID"


def _print_replays(results: Sequence[dead_letters.ReplayResult], none_due: str) -> None:
    columns = ("dead letter", "status", "decision", "resolved", "try")
    rows = [
        (item.dead_letter_id, item.status, item.decision, item.resolved, item.attempt_no) for item in results
    ]
    print_table("Replay", columns, rows, empty=none_due)


def _due_ids(gateway: Gateway, limit: int) -> list[UUID]:
    letters = [
        *dead_letters.list_letters(gateway, due_only=True, limit=limit),
        *dead_letters.list_replayable(gateway, limit=limit),
    ]
    return list(dict.fromkeys(letter.dead_letter_id for letter in letters))[:limit]


def discard(
    gateway: Gateway,
    dead_letter_id: Annotated[
        UUID, typer.Argument(parser=parse_uuid, metavar="ID", help="The id of a dead letter, from iu audit.")
    ],
    reason: Reason,
) -> Answer:
    """Discard one dead letter: close it without a replay.

    Examples:
        iu discard 0199c1d2-0000-7000-8000-000000000077 --reason "a test order"
    """
    answer = dead_letters.discard(gateway, dead_letter_id, reason)
    return Answer(answer, lambda: print_table("Discard", ("", "value"), answer.items(), empty="no answer"))


def print_letters(title: str, letters: Sequence[dead_letters.DeadLetter]) -> None:
    """Print dead letters as a table."""
    columns = ("dead letter", "event", "worker", "route", "failure", "attempts", "due")
    rows = [
        (
            letter.dead_letter_id,
            letter.event_id,
            letter.worker_name,
            letter.route_code,
            letter.failure_detail or letter.failure_code,
            letter.attempts,
            letter.next_replay_at,
        )
        for letter in letters
    ]
    print_table(title, columns, rows, empty="none")

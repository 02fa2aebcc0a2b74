"""`iu note`: notes about events."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer

from iu_pipelines.cli.command import Answer, add_command, add_group
from iu_pipelines.cli.options import Limit, parse_uuid
from iu_pipelines.cli.output import print_line, print_table
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import notes


def register(app: typer.Typer) -> None:
    """Add the commands about notes."""
    group = add_group(app, "note", "Notes about events.")
    add_command(group, add, writes=True)
    add_command(group, list_notes, "list")


def add(
    gateway: Gateway,
    event_id: Annotated[UUID, typer.Argument(parser=parse_uuid, metavar="EVENT", help="The event.")],
    note: Annotated[str, typer.Argument(help="What to note.")],
) -> Answer:
    """Add a note about one event.

    Examples:
        iu note add 0199c1d2-0000-7000-8000-000000000042 "the customer called"
    """
    number = notes.add(gateway, event_id, note)
    return Answer({"note_id": number}, lambda: print_line(f"note {number}"))


def list_notes(gateway: Gateway, limit: Limit = 20) -> Answer:
    """Show the newest notes.

    Examples:
        iu note list --limit 5
    """
    found = notes.recent(gateway, limit)
    rows = [(one.note_id, one.event_id, one.note, one.noted_at, one.noted_by) for one in found]
    return Answer(
        found, lambda: print_table("Notes", ("note", "event", "text", "at", "by"), rows, empty="none yet")
    )

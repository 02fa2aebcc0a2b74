"""`iu emit`, and the table of events by type."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any, Final
from uuid import UUID

import typer

from iu_pipelines import emit as emission
from iu_pipelines.cli.command import Answer, Invocation, add_command
from iu_pipelines.cli.options import SubjectKey, SubjectTable
from iu_pipelines.cli.output import print_line, print_table
from iu_pipelines.domain import outbox
from iu_pipelines.domain.outbox import Overview
from iu_pipelines.domain.quantities import counted
from iu_pipelines.errors import UsageError

_SUBJECT_HINT: Final = (
    "A key that is no UUID becomes one with --subject-table and --subject-key, for example: "
    "--subject-table shop.orders --subject-key 5"
)


def register(app: typer.Typer) -> None:
    """Add the commands about events."""
    add_command(app, emit, writes=True)


def emit(
    call: Invocation,
    event_type: Annotated[
        str, typer.Argument(metavar="TYPE", help="A registered event type, from iu type list.")
    ],
    address: Annotated[str, typer.Argument(help="The canonical address of the subject.")],
    actor: Annotated[str, typer.Option(help="The person or program that emits the event.")],
    subject: Annotated[
        str | None, typer.Option(metavar="UUID", show_default=False, help="The id of the subject.")
    ] = None,
    subject_table: SubjectTable = None,
    subject_key: SubjectKey = None,
    payload: Annotated[
        str,
        typer.Option(metavar="JSON|@FILE", help="References and counts. @FILE reads a file, @- reads stdin."),
    ] = "{}",
) -> Answer:
    """Emit one event, and print its id.

    Examples:
        iu emit version_applied docs/leave.md --actor ann --subject 0199c1d2-0000-7000-8000-000000000001
            --payload '{"version_seq": 3}'
        iu emit order_paid orders/17 --actor shop --subject-table public.orders --subject-key 17
            --payload @order.json
    """
    content = _parse_payload(payload)
    subject_ref = _parse_subject(subject, subject_table, subject_key)
    with call.connect() as gateway:
        event_id = outbox.emit(gateway, event_type, address, subject_ref, actor, content)
    return Answer({"event_id": event_id}, lambda: print_line(str(event_id)))


def _parse_subject(given: str | None, table: str | None, key: list[str] | None) -> UUID:
    """Return the subject that is given as a UUID, or as the table and the key of a row."""
    if given is None and table and key:
        return emission.subject(table, key)
    if given is None or table is not None or key:
        raise UsageError(
            "give --subject, or --subject-table and --subject-key",
            hint="Give a UUID, or the table and the key: --subject-table shop.orders and --subject-key 5.",
        )
    try:
        return UUID(given)
    except ValueError:
        raise UsageError(
            f"argument subject is malformed: {_shortened(given)} is not a UUID",
            hint=_SUBJECT_HINT,
            code="IU104",
        ) from None


def _parse_payload(argument: str) -> Any:
    text = _read_file(argument[1:]) if argument.startswith("@") else argument
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise UsageError(
            f"the payload is not JSON: {error.msg} at {where}: {_shortened(text)}",
            hint="""Give an object such as '{"child_count": 2}', or @FILE.""",
        ) from None
    except ValueError as error:
        raise UsageError(
            f"the payload is not JSON: {error}", hint="Send references and counts only."
        ) from None
    except RecursionError:
        raise UsageError(
            "the payload is nested too deeply", hint="Send references and counts only."
        ) from None


def _refuse_constant(name: str) -> Any:
    raise UsageError(f"the payload contains {name}, which is not JSON", hint="Leave it out, or send null.")


def _read_file(name: str) -> str:
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UsageError(
            f"cannot read the payload file {name!r}: {reason}", hint="Name a readable JSON file."
        ) from None


def _shortened(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:57]}...")


def print_events(events: Overview) -> None:
    """Print the events of all domains by type as a table."""
    title = "Events by type"
    title += f" (the newest {counted(events.counted, 'event')} of each domain)" if events.capped else ""
    rows = [(count.event_domain, count.event_type, count.events, count.newest_at) for count in events.by_type]
    print_table(title, ("domain", "event type", "events", "newest"), rows, empty="none yet")

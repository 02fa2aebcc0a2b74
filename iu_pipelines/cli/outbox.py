"""`iu emit` and `iu types`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from iu_pipelines.cli.command import Answer, Invocation, add_command
from iu_pipelines.cli.options import parse_uuid
from iu_pipelines.cli.output import print_line, print_table
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import event_types, outbox
from iu_pipelines.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add the commands about events."""
    add_command(app, emit)
    add_command(app, types)


def emit(
    call: Invocation,
    event_type: Annotated[
        str, typer.Argument(metavar="TYPE", help="A registered event type, from iu types.")
    ],
    address: Annotated[str, typer.Argument(help="The canonical address of the subject.")],
    subject: Annotated[UUID, typer.Option(parser=parse_uuid, metavar="UUID", help="The id of the subject.")],
    actor: Annotated[str, typer.Option(help="The person or program that emits the event.")],
    payload: Annotated[
        str,
        typer.Option(metavar="JSON|@FILE", help="References and counts. @FILE reads a file, @- reads stdin."),
    ] = "{}",
) -> Answer:
    """Emit one event, and print its id."""
    content = _parse_payload(payload)
    with call.connect() as gateway:
        event_id = outbox.emit(gateway, event_type, address, subject, actor, content)
    return Answer({"event_id": event_id}, lambda: print_line(str(event_id)))


def types(gateway: Gateway) -> Answer:
    """Show the registered event types."""
    found = event_types.list_types(gateway)
    return Answer(found, lambda: _print_types(found))


def _print_types(found: Sequence[event_types.EventType]) -> None:
    columns = ("event type", "domain", "stream", "lane", "subject", "payload keys", "enabled")
    rows = [
        (
            item.event_type,
            item.event_domain,
            item.event_stream,
            item.delivery_lane,
            item.event_subject_table,
            "any allowed" if item.payload_keys is None else ", ".join(item.payload_keys),
            item.enabled,
        )
        for item in found
    ]
    print_table("Event types", columns, rows, empty="none")


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

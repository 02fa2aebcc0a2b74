"""`iu tail`."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from typing import Annotated

import typer

from iu_pipelines.cli.command import Invocation, add_command
from iu_pipelines.cli.output import json_line, when
from iu_pipelines.domain.attempts import Attempt
from iu_pipelines.domain.event_tail import Tail, Wanted
from iu_pipelines.domain.outbox import Event


def register(app: typer.Typer) -> None:
    """Add the command that follows events."""
    add_command(app, tail)


def tail(
    call: Invocation,
    event_type: Annotated[
        str | None,
        typer.Option("--type", metavar="TYPE", show_default=False, help="Only events of this type."),
    ] = None,
    domain: Annotated[
        str | None,
        typer.Option("--domain", metavar="DOMAIN", show_default=False, help="Only events of this domain."),
    ] = None,
    with_attempts: Annotated[bool, typer.Option("--attempts", help="Also show attempts.")] = False,
    worker_name: Annotated[
        str | None,
        typer.Option(
            "--worker", metavar="NAME", show_default=False, help="Only attempts of this worker, no events."
        ),
    ] = None,
    route_code: Annotated[
        str | None,
        typer.Option(
            "--route", metavar="CODE", show_default=False, help="Only attempts for this route, no events."
        ),
    ] = None,
    newest: Annotated[
        int, typer.Option("-n", "--newest", min=0, max=10_000, help="Begin with the newest N.")
    ] = 10,
    seconds: Annotated[
        float | None,
        typer.Option("--seconds", min=0, show_default=False, help="End after this many seconds."),
    ] = None,
    interval: Annotated[
        float, typer.Option("--interval", metavar="SECONDS", min=0.1, help="Seconds between two polls.")
    ] = 1.0,
) -> None:
    """Print new events, one line each, when they are committed. Ctrl-C ends it with exit code 0.

    With --json each line is one JSON object, whose key "kind" is event or attempt.
    """
    wanted = Wanted(event_type, domain, with_attempts, worker_name, route_code)
    try:
        with call.connect() as gateway:
            reader = Tail(gateway, wanted)
            _print_all(reader.start(newest), call.as_json)
            until = math.inf if seconds is None else time.monotonic() + seconds
            _print_all(reader.poll(), call.as_json)
            while (left := until - time.monotonic()) > 0:
                time.sleep(min(interval, left))
                _print_all(reader.poll(), call.as_json)
    except KeyboardInterrupt:
        return


def _print_all(found: Iterable[Event | Attempt], as_json: bool) -> None:
    for row in found:
        print(_as_json(row) if as_json else _as_text(row), flush=True)


def _as_json(row: Event | Attempt) -> str:
    return json_line({"kind": "event" if isinstance(row, Event) else "attempt", **vars(row)})


def _as_text(row: Event | Attempt) -> str:
    if isinstance(row, Event):
        parts = ["event  ", row.event_type, row.event_id, row.canonical_address, row.event_domain]
    else:
        parts = ["attempt", row.decision, row.event_id, row.worker_name, row.route_code or "no route"]
        parts += [f"try {row.attempt_no}"] if row.attempt_no > 1 else []
        parts += [row.error_detail] if row.error_detail else []
    line = "  ".join([when(row.created_at), *(str(part) for part in parts if part is not None)])
    return "".join(character if character.isprintable() else " " for character in line)

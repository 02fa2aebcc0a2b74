"""`iu tail`."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated, Final

import typer

from iu_pipelines.cli.command import Invocation, add_command
from iu_pipelines.cli.options import OfDomain, OfType
from iu_pipelines.cli.output import json_line, print_warning, when
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import event_types, routes, worker
from iu_pipelines.domain.attempts import Attempt
from iu_pipelines.domain.event_tail import Tail, Wanted
from iu_pipelines.domain.outbox import Event
from iu_pipelines.errors import ConnectionFailed, Unavailable

_RETRY_SECONDS: Final = 1.0
_LATE: Final = timedelta(seconds=1)


def register(app: typer.Typer) -> None:
    """Add the command that follows events."""
    add_command(app, tail)


def tail(
    call: Invocation,
    event_type: OfType = None,
    domain: OfDomain = None,
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

    If the connection is lost, it is opened again, and nothing is missed. With --json each line is one JSON
    object, whose key "kind" is event or attempt.

    Examples:
        iu tail --type order_paid
        iu tail --attempts -n 2 --seconds 60
        iu tail --route shop.order_paid.hook --json
    """
    wanted = Wanted(event_type, domain, with_attempts, worker_name, route_code)
    try:
        with call.connect() as gateway:
            _require_names(gateway, wanted)
            reader = Tail(gateway, wanted)
            printer = _Printer(reader, call.as_json)
            printer.print_all(reader.start(newest))
            until = math.inf if seconds is None else time.monotonic() + seconds
            printer.poll()
            while (left := until - time.monotonic()) > 0:
                time.sleep(min(max(interval, _RETRY_SECONDS) if printer.is_lost else interval, left))
                printer.poll()
    except KeyboardInterrupt:
        return


def _require_names(gateway: Gateway, wanted: Wanted) -> None:
    """Raise ArgumentInvalid if a filter names nothing that exists."""
    if wanted.event_type is not None:
        event_types.require(gateway, wanted.event_type)
    if wanted.domain is not None:
        event_types.require_domain(gateway, wanted.domain)
    if wanted.worker_name is not None:
        worker.require(gateway, wanted.worker_name)
    if wanted.route_code is not None:
        routes.require(gateway, wanted.route_code)


class _Printer:
    """Print rows, and one warning each time that the connection is lost."""

    def __init__(self, reader: Tail, as_json: bool) -> None:
        self.is_lost = False
        self._reader = reader
        self._as_json = as_json
        self._newest_at: datetime | None = None

    def poll(self) -> None:
        """Print what was committed since the last poll, unless the connection is lost."""
        try:
            self.print_all(self._reader.poll())
            self.is_lost = False
        except (ConnectionFailed, Unavailable) as error:
            if not self.is_lost:
                print_warning(f"connection lost: {error.message}; trying again")
            self.is_lost = True

    def print_all(self, found: Iterable[Event | Attempt]) -> None:
        """Print rows, one line each."""
        for row in found:
            late = isinstance(row, Event) and self._is_late(row)
            print(_as_json(row, late) if self._as_json else _as_text(row, late), flush=True)

    def _is_late(self, event: Event) -> bool:
        """Return whether an event that was emitted more than a second later was printed before."""
        newest = self._newest_at = max(event.created_at, self._newest_at or event.created_at)
        return newest - event.created_at > _LATE


def _as_json(row: Event | Attempt, late: bool) -> str:
    if isinstance(row, Event):
        return json_line({"kind": "event", **vars(row), "late": late})
    return json_line({"kind": "attempt", **vars(row)})


def _as_text(row: Event | Attempt, late: bool) -> str:
    if isinstance(row, Event):
        parts = ["event  ", row.event_type, row.event_id, row.canonical_address, row.event_domain]
        parts += ["committed late"] if late else []
    else:
        parts = ["attempt", row.decision, row.event_id, row.worker_name, row.route_code or "no route"]
        parts += [f"try {row.attempt_no}"] if row.attempt_no > 1 else []
        parts += [row.error_detail] if row.error_detail else []
    line = "  ".join([when(row.created_at), *(str(part) for part in parts if part is not None)])
    return "".join(character if character.isprintable() else " " for character in line)

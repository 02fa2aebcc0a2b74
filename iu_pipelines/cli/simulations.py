"""`iu simulate`: past events against the configuration that an outbox file proposes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from iu_pipelines.cli.command import Answer, Invocation, add_command
from iu_pipelines.cli.output import print_line, print_table, print_warnings, when, working
from iu_pipelines.cli.plans import File, read_source
from iu_pipelines.domain import times
from iu_pipelines.domain.quantities import counted
from iu_pipelines.evidence import simulations
from iu_pipelines.evidence.simulations import Compared, Request, Simulation


def register(app: typer.Typer) -> None:
    """Add the command `iu simulate`."""
    add_command(app, simulate)


def simulate(
    call: Invocation,
    file: File,
    since: Annotated[
        str,
        typer.Option("--since", metavar="WHEN", help="Only newer events: an age such as 12h, or a time."),
    ] = "7d",
    until: Annotated[
        str | None,
        typer.Option(
            "--until", metavar="WHEN", show_default=False, help="Only older events: an age or a time."
        ),
    ] = None,
    workers: Annotated[
        list[str] | None,
        typer.Option(
            "--worker",
            metavar="NAME",
            show_default=False,
            help="Only this worker, also a new one of the file; default: all in use. May be repeated.",
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", min=1, show_default=False, help="Only the newest events, at most so many."),
    ] = None,
    examples: Annotated[
        int, typer.Option("--examples", min=0, max=100, help="The number of events to name in each row.")
    ] = 3,
    differences: Annotated[
        bool, typer.Option("--differences", help="Show only what changes for events that were read.")
    ] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="What the file does not name counts as removed, as in iu plan.")
    ] = False,
) -> Answer:
    """Compare what was decided about past events with what a file would decide. Writes nothing.

    Examples:
        iu simulate shop.yaml
        iu simulate shop.yaml --since 30d --differences
    """
    request = Request(
        since=times.parse(since),
        until=None if until is None else times.parse(until),
        workers=tuple(workers or ()),
        limit=limit,
        examples=examples,
        prune=prune,
    )
    source = read_source(file)
    with call.connect() as gateway, working("reading events") as say:
        found = simulations.simulate(gateway, source, request, _progress(say))
    shown = found.differences() if differences else found
    return Answer(shown, lambda: _print(shown, differences=differences, limit=limit))


def _progress(say: Callable[[str], None]) -> Callable[[int, float], None]:
    return lambda events, part: say(f"{events:,} ({part:.0%} of the window)")


def _print(found: Simulation, *, differences: bool, limit: int | None) -> None:
    newest = "the newest " if found.events == limit else ""
    print_line(
        f"{newest}{counted(found.events, 'event')} from {when(found.since)} to {when(found.until)}; "
        f"{counted(len(found.changes), 'change')} of the configuration"
    )
    if not differences:
        print_table(
            "Decisions",
            ("event type", "route", "worker", "was", "would be", "events"),
            [_cells(one) for one in found.comparison],
            empty="no events",
        )
    changed = [one for one in found.comparison if one.changed]
    print_table(
        "Changed decisions",
        ("event type", "route", "worker", "was", "would be", "events", "newest"),
        [(*_cells(one), _ids(one)) for one in changed],
        empty="none",
    )
    print_line(_summary(found))
    print_line("not simulated:")
    for sentence in found.not_simulated:
        print_line(f"  {sentence}")
    print_warnings(found.warnings)


def _cells(one: Compared) -> Sequence[object]:
    return one.event_type, one.route_code, one.worker_name, one.was, one.would, one.events


def _ids(one: Compared) -> str:
    return " ".join(map(str, one.examples))


def _summary(found: Simulation) -> str:
    read = found.decisions - found.not_read
    failed = f"{counted(found.failed, 'attempt')} failed, which is not simulated; " if found.failed else ""
    return (
        f"{found.changed:,} of {counted(read, 'decision')} would change; {failed}"
        f"{counted(found.not_read, 'event')} not read yet"
    )

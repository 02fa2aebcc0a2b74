"""`iu fleet`: the status of many outboxes, each in a database of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from iu_pipelines.cli.command import Answer, Invocation, add_command, add_group
from iu_pipelines.cli.output import duration, print_line, print_table
from iu_pipelines.domain import health
from iu_pipelines.domain.fleet import members, report
from iu_pipelines.domain.fleet.asking import Asker
from iu_pipelines.domain.fleet.report import FleetReport, OutboxRow
from iu_pipelines.domain.quantities import counted
from iu_pipelines.errors import UsageError

File = Annotated[
    Path | None,
    typer.Option(
        "--file", metavar="FILE", show_default=False, help="The file of the fleet (also IU_FLEET_FILE)."
    ),
]

_HEADER = (
    "outbox",
    "health",
    "backlog",
    "oldest",
    "dead letters",
    "gates",
    "live routes",
    "in doubt",
    "parked",
)


def register(app: typer.Typer) -> None:
    """Add the commands `iu fleet …`."""
    group = add_group(app, "fleet", "Many outboxes that one file names, each in a database of its own.")
    add_command(group, status)


def status(call: Invocation, file: File = None) -> Answer:
    """Show every outbox of a fleet: backlog, age, health, dead letters, gates and live routes.

    The databases are asked at the same time. One that does not answer has an error in its row. The exit code
    is 1 if an outbox is unhealthy or does not answer.

    Examples:
        iu fleet status --file fleet.yaml
    """
    if call.database_url:
        raise UsageError(
            "--database-url is refused", hint="The variables that the file of the fleet names have the URLs."
        )
    path = file or call.settings().fleet_file
    if path is None:
        raise UsageError(
            "no file of a fleet is named",
            hint="Name it with --file or IU_FLEET_FILE (docs/operate/fleet.md).",
        )
    fleet = members.read(path)
    found = report.collect(Asker(seconds=fleet.seconds, at_once=fleet.at_once), fleet.members())
    return Answer(_data(fleet.name, found), lambda: _print(fleet.name, found), failed=not found.is_well)


def _data(name: str, found: FleetReport) -> dict[str, Any]:
    return {
        "fleet": name,
        "healthy": found.is_well,
        "unhealthy": found.unhealthy,
        "unreachable": found.unreachable,
        "backlog": found.backlog,
        "backlog_oldest_seconds": found.oldest_seconds,
        "outboxes": found.outboxes,
    }


def _print(name: str, found: FleetReport) -> None:
    print_table(f"Fleet {name}", _HEADER, [_row(one) for one in found.outboxes], empty="no outbox")
    for one in found.outboxes:
        _print_notes(one)
    bad = len(found.unhealthy) + len(found.unreachable)
    every = counted(len(found.outboxes), "outbox", "outboxes")
    if bad:
        print_line(
            f"UNHEALTHY: {bad} of {every}: {len(found.unhealthy)} unhealthy, "
            f"{len(found.unreachable)} unreachable"
        )
    else:
        print_line(f"healthy: {every}")


def _row(one: OutboxRow) -> tuple[Any, ...]:
    state = one.state
    if state is None:
        return (one.outbox, "UNREACHABLE", *[None] * (len(_HEADER) - 2))
    return (
        one.outbox,
        "healthy" if state.healthy else "UNHEALTHY",
        health.at_least(state.backlog, capped=state.backlog_capped),
        duration(state.oldest_seconds),
        health.at_least(state.dead_letters, capped=state.dead_letters_capped),
        f"{len(state.stopping_gates)} closed" if state.stopping_gates else "open",
        len(state.live_routes),
        state.in_doubt,
        state.parked + state.dead_deliveries,
    )


def _print_notes(one: OutboxRow) -> None:
    """Print why an outbox did not answer or is unhealthy, and what a person should know about it."""
    if one.error:
        code = f"{one.error.code}: " if one.error.code else ""
        print_line(f"  {one.outbox}: error: {code}{one.error.message}")
        if one.error.hint:
            print_line(f"  {one.outbox}: hint: {one.error.hint}")
    if one.state is None:
        return
    for fault in one.state.faults:
        print_line(f"  {one.outbox}: reason: {fault}")
    if one.state.stopping_gates:
        print_line(f"  {one.outbox}: note: closed: {', '.join(one.state.stopping_gates)}")
    for route, refusal in one.state.held_routes:
        print_line(f"  {one.outbox}: note: live route {route} is held: {refusal}")

"""`iu status`: all workers and domains, gates, routes, dead letters by cause, events by type, and steps."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final

import typer

from iu_pipelines import __version__, settings
from iu_pipelines.cli.command import Answer, Invocation, add_command
from iu_pipelines.cli.gates import print_gates
from iu_pipelines.cli.health import print_health
from iu_pipelines.cli.options import Worker
from iu_pipelines.cli.outbox import print_events
from iu_pipelines.cli.output import (
    console,
    json_line,
    print_error,
    print_line,
    print_table,
    when,
)
from iu_pipelines.cli.steps import print_states
from iu_pipelines.cli.worker import print_workers
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import plan
from iu_pipelines.domain import deliveries, gates, health, outbox, worker
from iu_pipelines.domain import status as outbox_status
from iu_pipelines.domain.deliveries import TargetQueue
from iu_pipelines.domain.health import HealthReport
from iu_pipelines.domain.outbox import Overview
from iu_pipelines.domain.quantities import counted
from iu_pipelines.domain.status import COUNTED_LETTERS, Status
from iu_pipelines.errors import IuError

_DETAIL_CHARACTERS: Final = 160
_UUID: Final = re.compile(r"\b([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
_OTHER_LINES: Final = 14
"""Lines of a terminal that --watch leaves for reasons, notes and dead letters."""
_CONCERNING: Final = {"in_doubt": "in doubt", "dead": "dead", "parked": "parked behind a dead one"}
"""The states of deliveries that a person must look at."""
_COUNTED_EVENTS: Final = 2_000
"""Events that are counted by type, of all domains together."""

Watch = Annotated[
    bool, typer.Option("--watch", help="Show it again and again; end with Ctrl-C, with the last exit code.")
]
Interval = Annotated[float, typer.Option("--interval", min=0.1, help="Seconds between looks with --watch.")]


def register(app: typer.Typer) -> None:
    """Add the command `iu status`."""
    add_command(app, status)


def status(
    call: Invocation, worker_name: Worker = None, watch: Watch = False, interval: Interval = 2.0
) -> Answer:
    """Show all workers and domains, gates, routes, dead letters, events and steps on one screen.

    With --worker, also show the health report of that worker. With --watch, show what fits the terminal. The
    exit code is 1 if a step is pending or a worker is unhealthy.

    Examples:
        iu status
        iu status --worker iu_outbound_default --json
        iu status --watch --interval 5
    """
    with call.connect() as gateway:
        if not watch:
            return _look(gateway, worker_name, as_json=call.as_json)
        exit_code = 1
        try:
            while True:
                exit_code = _show_look(gateway, worker_name, as_json=call.as_json)
                time.sleep(interval)
        except KeyboardInterrupt:
            raise typer.Exit(exit_code) from None


def _show_look(gateway: Gateway, worker_name: str | None, *, as_json: bool) -> int:
    """Show the state once and return the exit code. An error is shown in its place."""
    out = console()
    try:
        answer = _look(gateway, worker_name, as_json=as_json, rows=max(out.height - _OTHER_LINES, 1))
    except IuError as error:
        if error.exit_code == 2:
            raise
        print_error(error.message, error.hint, error.code, (), as_json=as_json)
        return error.exit_code
    if as_json:
        print(json_line(answer.data), flush=True)
    else:
        out.clear()
        print_line(when(datetime.now().astimezone()))
        answer.show()
    return int(answer.failed)


@dataclass(frozen=True)
class _Look:
    """One look at the outbox. Without JSON, `report` is there only if a worker was named."""

    found: Status
    report: HealthReport | None
    events: Overview
    states: Sequence[plan.StepState]
    targets: Sequence[TargetQueue]


def _look(gateway: Gateway, worker_name: str | None, *, as_json: bool, rows: int | None = None) -> Answer:
    """Look once. With `rows`, the answer shows the most urgent workers, that many, and no more tables."""
    states = plan.states(gateway)
    if any(state.status != "applied" for state in states):
        nothing: dict[str, Any] = {"health": None, "gates": [], "steps": states, "events": None}
        return Answer(
            nothing | {"unread_domains": [], "workers": []}, lambda: _print_plan(states), failed=True
        )
    chosen = settings.load(worker_name=worker_name)
    worker.require(gateway, chosen.worker_name)
    found = outbox_status.read(gateway)
    is_named = "worker_name" in chosen.model_fields_set
    report = health.read(gateway, chosen.worker_name) if is_named or as_json else None
    look = _Look(
        found,
        report,
        outbox.overview(gateway, found.domains, max(_COUNTED_EVENTS // max(len(found.domains), 1), 100)),
        states,
        deliveries.status(gateway) if deliveries.is_installed(gateway) else (),
    )
    return Answer(_data(look), lambda: _print_look(look, rows), failed=not found.healthy)


def _data(look: _Look) -> dict[str, Any]:
    found = look.found
    return {
        "healthy": found.healthy,
        "health": look.report,
        "gates": found.gates,
        "steps": look.states,
        "events": look.events,
        "unread_domains": found.unread_domains,
        "workers": found.workers,
        "routes": found.routes,
        "dead_letters_by_cause": found.causes,
        "dead_letters_by_cause_capped": found.causes_capped,
        "notes": found.notes,
        "targets": look.targets,
        "versions": {"iu_pipelines": __version__, "postgresql": found.server_version},
    }


def _print_plan(states: list[plan.StepState]) -> None:
    print_states(states)
    print_line("The schema is not that of this version. Run: iu migrate")


def _print_look(look: _Look, rows: int | None) -> None:
    found = look.found
    if rows is None:
        print_gates(found.gates, with_meaning=False)
    print_workers(found.workers, rows)
    _print_notes(found)
    _print_targets(look.targets)
    if look.report:
        faults = {one.worker_name: len(one.faults) for one in found.workers}
        print_health(look.report, faults.get(look.report.worker_name))
    if rows is None:
        _print_tables(look)
    elif found.causes:
        _print_causes(found)
    _print_verdict(found, look.targets)


def _print_notes(found: Status) -> None:
    for gate in found.gates:
        if gate.key in (gates.MASTER, gates.WORKER) and not gate.is_open:
            print_line(
                f"  note: {gate.key} is closed since {when(gate.updated_at)}: events are held, none is lost"
            )
    for note in found.notes:
        print_line(f"  note: {note}")
    for domain in found.unread_domains:
        name = shlex.quote(domain.event_domain)
        print_line(f"  read domain {name} with: iu worker add NAME --domain {name} --reason WHY")


def _print_targets(targets: Sequence[TargetQueue]) -> None:
    """Print a line for each target with deliveries that a person must look at."""
    for one in targets:
        said = ", ".join(
            f"{one.shown(state)} {word}" for state, word in _CONCERNING.items() if getattr(one, state)
        )
        if said:
            print_line(f"  note: deliveries to {one.target}: {said}; see: iu deliver status")


def _print_verdict(found: Status, targets: Sequence[TargetQueue]) -> None:
    in_use = [one for one in found.workers if one.retired_at is None]
    unhealthy = sum(not one.healthy for one in in_use)
    if unhealthy:
        print_line(f"UNHEALTHY: {unhealthy} of {counted(len(in_use), 'worker')}")
    else:
        concerns = any(getattr(one, state) for one in targets for state in _CONCERNING)
        note = "; some deliveries are dead, parked or in doubt" if concerns else ""
        print_line(f"healthy: {counted(len(in_use), 'worker')}{note}")


def _print_tables(look: _Look) -> None:
    found = look.found
    print_table(
        "Routes by kind of target",
        ("target", "enabled", "disabled"),
        [(one.target_kind, one.enabled, one.disabled) for one in found.routes],
        empty="none yet",
    )
    _print_causes(found)
    print_events(look.events)
    print_line(
        f"Steps: all {len(look.states)} are applied. "
        f"Versions: iu-pipelines {__version__}, PostgreSQL {found.server_version}"
    )


def _print_causes(found: Status) -> None:
    title = "Open dead letters of workers by cause"
    title += f" (the {COUNTED_LETTERS:,} that are due first)" if found.causes_capped else ""
    rows = [
        (
            one.letters,
            one.worker_name,
            one.route_code,
            one.sqlstate or one.failure_code,
            when(one.newest_at),
            _UUID.sub(r"\1…", one.newest_detail or "")[:_DETAIL_CHARACTERS],
        )
        for one in found.causes
    ]
    print_table(title, ("letters", "worker", "route", "cause", "newest", "message"), rows, empty="none")

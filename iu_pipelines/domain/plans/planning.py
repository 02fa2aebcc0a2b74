"""Plans: the changes that a file would make, what each of them means, and warnings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from iu_pipelines.db.queries import Queries
from iu_pipelines.domain import configuration, event_types, routes
from iu_pipelines.domain.outbox_file.model import Capture
from iu_pipelines.domain.outbox_file.problems import invalid
from iu_pipelines.domain.outbox_file.reading import Source
from iu_pipelines.domain.plans import checks, delivery
from iu_pipelines.domain.plans.delivery import Check
from iu_pipelines.domain.plans.difference import (
    ADD,
    ATTACH,
    CHANGE,
    GENERATE,
    REMOVE,
    TARGET,
    Change,
    differences,
)
from iu_pipelines.domain.plans.state import State
from iu_pipelines.domain.plans.state import read as read_state

_ATTACHES: Final = "The triggers are created on {table}."


@dataclass(frozen=True)
class Plan:
    """The difference between a file and a database.

    `changes` are in the order in which they are carried out. `owner_statements` are for the owners of tables:
    captures that exist lack these triggers, and the present role may not create them.
    """

    file: str
    prune: bool
    changes: tuple[Change, ...]
    warnings: tuple[str, ...]
    owner_statements: tuple[str, ...]


def make(gateway: Queries, source: Source, *, prune: bool = False, check: Check | None = None) -> Plan:
    """Return the plan for a file. `check` checks targets as their kinds do.

    Raises:
        OutboxFileInvalid: the file does not fit itself or the database; the error names lines and fields.
        TargetInUse: with `prune`, the file does not name a target to which a route was promoted.
    """
    state = read_state(gateway)
    found = [*checks.problems(source, state, gateway), *delivery.problems(source, state, gateway, check)]
    if found:
        raise invalid(source.name, found)
    changes = differences(source.file, state, prune=prune)
    delivery.require_removable(gateway, changes)
    explained = _Explained(source, state, gateway)
    return Plan(
        source.name,
        prune,
        tuple(explained.change(change) for change in changes),
        (*_warnings(source, state, gateway), *delivery.warnings(source, state, gateway, check)),
        tuple(owner_statements(source, state)),
    )


def owner_statements(source: Source, state: State) -> Iterator[str]:
    """Yield the statements that the owners of tables run for captures of the file that lack triggers."""
    for code, entry in sorted(source.file.captures.items()):
        row = state.captures.get(code)
        if row and row.lacks_triggers and not row.may_attach and entry.mode != "off":
            yield from row.attach_statements


class _Explained:
    """Adds to changes what they mean."""

    def __init__(self, source: Source, state: State, gateway: Queries) -> None:
        self._file = source.file
        self._state = state
        self._gateway = gateway
        self._delivery = delivery.Consequences(source, state, gateway)
        self._tables = checks.tables(gateway, (entry.table for entry in self._file.captures.values()))

    def change(self, change: Change) -> Change:
        explain: Mapping[str, Callable[[Change], Iterator[str]]] = {
            configuration.EVENT_TYPE: self._event_type,
            configuration.ROUTE: self._route,
            configuration.CAPTURE: self._capture,
            configuration.WORKER: self._worker,
            TARGET: self._delivery.target,
        }
        means = (*explain[change.noun](change), *self._delivery.ended(change))
        return replace(change, means=means)

    def _event_type(self, change: Change) -> Iterator[str]:
        changed = {one.field: one.new for one in change.fields}
        if change.action == ADD:
            return
        uses = event_types.uses(self._gateway, change.name)
        if change.action == REMOVE:
            yield "The type can no longer be emitted; its events stay in the outbox."
        if uses.waiting:
            yield f"{_events(uses.waiting)} for this type."
        if uses.refusing_captures and changed.get("enabled") is False:
            captures = ", ".join(uses.refusing_captures)
            yield f"Statements on the tables of these captures will be refused: {captures}."

    def _route(self, change: Change) -> Iterator[str]:
        entry = self._state.file.routes.get(change.name) if change.action == REMOVE else None
        entry = entry or self._file.routes[change.name]
        changed = {one.field for one in change.fields}
        if change.action == CHANGE and not changed & {"enabled", "event_type"}:
            yield "Attempts from now on have the new target."
            return
        waiting = event_types.uses(self._gateway, entry.event_type).waiting
        if waiting:
            will = "will" if entry.enabled and change.action != REMOVE else "will not"
            yield f"{_events(waiting)} for {entry.event_type} and {will} be attempted on this route."

    def _capture(self, change: Change) -> Iterator[str]:
        row = self._state.captures.get(change.name)
        if change.action == REMOVE:
            yield from self._detached(change)
            return
        entry = self._file.captures[change.name]
        if change.action == GENERATE and row:
            yield f"Its trigger function is not the one of this definition and table: {row.misfit}."
        if change.action == ATTACH:
            yield _ATTACHES.format(table=entry.table)
        elif entry.subject is not None and entry.mode != "off" and (row is None or row.lacks_triggers):
            yield self._attached(entry)
        if entry.mode == "dry_run" and (row is None or any(one.field == "mode" for one in change.fields)):
            yield "It records changes, and emits no event until its mode is emit."
        if any(one.field in ("table", "on") for one in change.fields) and change.action == CHANGE:
            yield from self._detached(change)

    def _attached(self, entry: Capture) -> str:
        table = self._tables[entry.table]
        if table.may_attach:
            return _ATTACHES.format(table=entry.table)
        return f"Defined, not attached: the owner of {entry.table}, {table.owner}, creates the triggers."

    def _detached(self, change: Change) -> Iterator[str]:
        row = self._state.captures[change.name]
        if row.detach_statements:
            statements = "; ".join(row.detach_statements)
            yield (
                f"The triggers on {row.source_table} are dropped."
                if row.may_attach
                else f"The owner of {row.source_table}, {row.table_owner}, runs first: {statements}"
            )

    def _worker(self, change: Change) -> Iterator[str]:
        if change.action == REMOVE:
            yield "It is retired: its runs are refused, and retention does not wait for it."
        elif change.name in self._state.retired:
            yield "It is retired, and resumes where it stopped."
        else:
            domain = self._file.workers[change.name].domain
            yield f"It begins with the first event of the domain {domain}."


def _events(count: int) -> str:
    capped = f"{count:,} or more" if count >= event_types.COUNTED_WAITING else f"{count:,}"
    return f"{capped} event waits" if count == 1 else f"{capped} events wait"


def _warnings(source: Source, state: State, gateway: Queries) -> Iterator[str]:
    """Yield what is permitted and has no effect, or not the effect that one may expect."""
    workers = (*state.file.workers.values(), *source.file.workers.values())
    read = {worker.domain for worker in workers}
    types = checks.desired_types(source, state)
    for name, entry in sorted(source.file.event_types.items()):
        if entry.domain not in read:
            yield (
                f"event type {name}: no worker reads the domain {entry.domain}; its events wait until one is "
                "added to the section workers"
            )
    for code, route in sorted(source.file.routes.items()):
        if warning := routes.target_warning(gateway, route.target.kind):
            yield f"route {code}: {warning}"
        if route.enabled and not types[route.event_type].enabled:
            yield f"route {code}: its event type {route.event_type} is disabled, so no event can be emitted"
    for code, capture in sorted(source.file.captures.items()):
        if capture.mode == "emit" and not types[capture.event_type].enabled:
            yield f"capture {code}: its event type {capture.event_type} is disabled, so events are refused"

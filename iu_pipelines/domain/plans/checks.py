"""Checks of a file against itself and against the state of the database, each with its line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from iu_pipelines.db.queries import Queries
from iu_pipelines.db.statements import Statements
from iu_pipelines.domain import event_types, routes, rows
from iu_pipelines.domain.outbox_file.model import Capture, EventType
from iu_pipelines.domain.outbox_file.problems import Problem, shown
from iu_pipelines.domain.outbox_file.reading import Source
from iu_pipelines.domain.plans.state import State

_SQL: Final = Statements(__name__)
_BRACES: Final = re.compile(r"\{([^{}]*)\}")
_FAILS: Final = (
    " Changes that fire the capture fail until an outbox file with present columns is applied (iu export "
    "writes the file). Mode dry_run and skip_and_count do not help. With mode off changes succeed, and are "
    "not captured meanwhile: iu capture set {code} --mode off"
)


@dataclass(frozen=True)
class Table:
    """A table of the database that a capture names, with its columns, its owner, and its primary key."""

    name: str
    kind: str
    owner: str
    may_attach: bool
    has_key: bool
    columns: list[str]


def tables(gateway: Queries, names: Iterable[str]) -> dict[str, Table]:
    """Return the tables that exist, by the names given, which are schema.table without quotation marks."""
    found = gateway.fetch_all(_SQL["tables"], {"names": sorted(set(names))})
    return {row["name"]: rows.read(Table, row) for row in found}


def refused_keys(gateway: Queries, names: Iterable[str]) -> frozenset[str]:
    """Return the names among `names` that mean content or a secret, and so are refused in a payload."""
    found = gateway.fetch_all(_SQL["refused_keys"], {"names": sorted(set(names))})
    return frozenset(row["name"] for row in found)


def problems(source: Source, state: State, gateway: Queries) -> list[Problem]:
    """Return what of the file does not fit itself or the database."""
    return [
        *_of_types(source, state, gateway),
        *_of_routes(source, state, gateway),
        *_of_captures(source, state, gateway),
        *_of_workers(source, state),
    ]


def desired_types(source: Source, state: State) -> dict[str, EventType]:
    """Return the event types as they will be: those of the database, replaced by those of the file."""
    return {**state.file.event_types, **source.file.event_types}


def _of_types(source: Source, state: State, gateway: Queries) -> Iterator[Problem]:
    for name, entry in source.file.event_types.items():
        present = state.file.event_types.get(name)
        field = ("event_types", name)
        if present and present.domain != entry.domain and (count := event_types.uses(gateway, name).waiting):
            yield source.problem(
                (*field, "domain"),
                f"the domain cannot change to {entry.domain} while {count:,} events wait in {present.domain}",
                "Let a worker of the old domain read them first, or use another event type.",
            )
        for code, capture in state.file.captures.items():
            changed = not _defined_alike(source.file.captures.get(code, capture), capture)
            if changed or capture.event_type != name or entry == present or entry.payload_keys is None:
                continue
            for key in sorted(set(capture.payload) - set(entry.payload_keys)):
                yield source.problem(
                    (*field, "payload_keys"),
                    f"capture {code} has the payload key {shown(key)}, which is not listed",
                    "Add the key, or change the capture in this file too.",
                )


def _of_routes(source: Source, state: State, gateway: Queries) -> Iterator[Problem]:
    types = desired_types(source, state)
    kinds = [known.kind for known in routes.target_kinds(gateway)]
    for name, entry in source.file.routes.items():
        if state.file.routes.get(name) == entry:
            continue
        field = ("routes", name)
        yield from _of_type(source, (*field, "event_type"), entry.event_type, types)
        is_own = state.delivers and routes.is_own_kind(entry.target.kind)
        if entry.target.kind not in kinds and not is_own:
            yield source.problem(
                (*field, "target", "kind"),
                f"no such kind of target: {shown(entry.target.kind)}",
                f"Write one of {', '.join(sorted(kinds))}.",
            )


def _of_type(
    source: Source, field: tuple[str, ...], name: str, types: Mapping[str, Any]
) -> Iterator[Problem]:
    if name not in types:
        close = get_close_matches(name, types, 1)
        yield source.problem(
            field,
            f"no such event type: {shown(name)}",
            f"Did you mean {close[0]}?" if close else "Add it to event_types, or see: iu type list",
        )


def _of_captures(source: Source, state: State, gateway: Queries) -> Iterator[Problem]:
    wanted = source.file.captures
    known = tables(gateway, (entry.table for entry in wanted.values()))
    refused = refused_keys(
        gateway,
        (name for entry in wanted.values() for pair in entry.payload.items() for name in pair),
    )
    types = desired_types(source, state)
    for code, entry in wanted.items():
        present = state.file.captures.get(code)
        if present and _defined_alike(entry, present) and entry.mode in ("off", "dry_run", present.mode):
            # Only what changed outside the file can be wrong. A capture can always be switched off.
            if entry.subject is not None and entry.mode != "off":
                yield from _of_table(source, code, entry, known.get(entry.table), fails=present.mode != "off")
            continue
        yield from _of_type(source, ("captures", code, "event_type"), entry.event_type, types)
        if entry.subject is None and entry.address is None:
            yield from _of_installed(source, code, entry, state)
            continue
        yield from _of_capture(source, code, entry)
        if entry.event_type in types:
            yield from _of_payload(source, code, entry, types[entry.event_type], refused)
        yield from _of_table(source, code, entry, known.get(entry.table))


def _of_installed(source: Source, code: str, entry: Capture, state: State) -> Iterator[Problem]:
    """Yield a problem if a capture without subject and address is not one that the installation made."""
    present = state.file.captures.get(code)
    if present is None or present.subject is not None:
        yield source.problem(
            ("captures", code),
            "subject and address are missing",
            "Add them: subject: id, address: orders/{id}",
        )
    elif present.model_copy(update={"mode": entry.mode}) != entry:
        yield source.problem(
            ("captures", code),
            "the installation made this capture, and only its mode can change",
            "See: iu export",
        )


def _of_capture(source: Source, code: str, entry: Capture) -> Iterator[Problem]:
    field = ("captures", code)
    for missing in ("subject", "address"):
        if getattr(entry, missing) is None:
            example = "id" if missing == "subject" else "orders/{id}"
            yield source.problem(field, f"{missing} is missing", f"Add it: {missing}: {example}")
    if "." not in entry.table:
        yield source.problem(
            (*field, "table"),
            f"{shown(entry.table)} has no schema",
            f"Write public.{entry.table}, for example.",
        )
    for name in ("becomes", "changes"):
        if getattr(entry.when, name) and entry.on != "update":
            yield source.problem(
                (*field, "when", name), f"{name} needs on: update", f"Use equals for {entry.on}."
            )
    if not entry.when.model_dump(exclude_defaults=True) and "when" in entry.model_fields_set:
        yield source.problem(
            (*field, "when"), "there is no condition", "Leave when out to capture every change."
        )


def _of_payload(
    source: Source, code: str, entry: Capture, event_type: EventType, refused: frozenset[str]
) -> Iterator[Problem]:
    field = ("captures", code)
    if not event_type.enabled:
        yield source.problem(
            (*field, "event_type"),
            f"event type {entry.event_type} is disabled",
            "Enable it: enabled: true, or leave the capture out.",
        )
    for key, column in entry.payload.items():
        if event_type.payload_keys is not None and key not in event_type.payload_keys:
            yield source.problem(
                (*field, "payload", key),
                f"the payload key {shown(key)} is not allowed for {entry.event_type}",
                f"Allowed: {', '.join(event_type.payload_keys) or 'none'}.",
            )
        elif column in refused or (event_type.payload_keys is None and key in refused):
            yield source.problem(
                (*field, "payload", key),
                f"{shown(column if column in refused else key)} means content or a secret",
                "Payloads have references and counts only.",
            )


def _defined_alike(one: Capture, other: Capture) -> bool:
    """Return whether two captures differ at most in `mode` and `on_error`, which no function depends on."""
    return one.model_copy(update={"mode": other.mode, "on_error": other.on_error}) == other


def _of_table(
    source: Source, code: str, entry: Capture, table: Table | None, *, fails: bool = False
) -> Iterator[Problem]:
    """Yield what does not fit the table. `fails`: the capture is on, so changes that fire it fail now."""
    field = ("captures", code)
    if table is None:
        if "." in entry.table:
            yield source.problem(
                (*field, "table"),
                f"table {shown(entry.table)} does not exist",
                "Write schema.table as the database spells it, without quotation marks.",
            )
        return
    if not table.has_key:
        yield source.problem(
            (*field, "table"), f"{entry.table} has no primary key", "Add one: rows are paired by it."
        )
    for where, column in _columns(entry):
        if column not in table.columns:
            close = get_close_matches(column, table.columns, 1)
            columns = f"Did you mean {close[0]}?" if close else f"Columns: {', '.join(table.columns)}."
            yield source.problem(
                (*field, *where),
                f"{entry.table} has no column {shown(column)}",
                columns + (_FAILS.format(code=code) if fails else ""),
            )


def _columns(entry: Capture) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the columns that a capture names, each with its field."""
    for column in entry.subject or ():
        yield ("subject",), column
    for column in _BRACES.findall(entry.address or ""):
        yield ("address",), column
    for key, column in entry.payload.items():
        yield ("payload", key), column
    for name, condition in entry.when.model_dump(by_alias=True).items():
        for column in condition:
            yield ("when", name, column), column


def _of_workers(source: Source, state: State) -> Iterator[Problem]:
    domains = {name: entry.domain for name, entry in state.file.workers.items()} | dict(state.retired)
    for name, entry in source.file.workers.items():
        if (present := domains.get(name, entry.domain)) != entry.domain:
            yield source.problem(
                ("workers", name, "domain"),
                f"worker {name} reads the domain {present}, and keeps it",
                "Give the new worker another name.",
            )

"""The difference between a file and the state of a database, as a list of changes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import BaseModel

from iu_pipelines.domain import configuration
from iu_pipelines.domain.outbox_file import model
from iu_pipelines.domain.outbox_file.model import OutboxFile
from iu_pipelines.domain.plans.state import INSTALLED, State

ADD: Final = "add"
CHANGE: Final = "change"
ATTACH: Final = "attach"
GENERATE: Final = "generate again"
REMOVE: Final = "remove"

TARGET: Final = "target"
"""The noun of targets, whose history the module iu-delivery keeps."""

NOUNS: Final[Mapping[str, str]] = {
    "event_types": configuration.EVENT_TYPE,
    "workers": configuration.WORKER,
    "targets": TARGET,
    "routes": configuration.ROUTE,
    "captures": configuration.CAPTURE,
}
"""The nouns of the sections, in the order in which additions are carried out: types before their users."""

_UNORDERED: Final = ("payload_keys", "when.changes", "senders")


@dataclass(frozen=True)
class FieldChange:
    """One field of an entry, with its value in the database and in the file; None where there is none."""

    field: str
    old: Any
    new: Any


@dataclass(frozen=True)
class Change:
    """One change of the database.

    `action` is `add`, `change`, `generate again` (replace the trigger function of a capture), `attach`
    (create the triggers of a capture) or `remove` (retire a worker); `noun` is `event_type`, `worker`,
    `target`, `route` or `capture`. `means` says in sentences what follows from it; two changes are equal
    whatever it says.
    """

    action: str
    noun: str
    name: str
    fields: tuple[FieldChange, ...] = ()
    means: tuple[str, ...] = field(default=(), compare=False)


def differences(wanted: OutboxFile, state: State, *, prune: bool) -> list[Change]:
    """Return the changes that make the database as the file, in the order in which they are carried out.

    With `prune`, everything that the file does not name is removed, except what the steps installed, and the
    event types and targets that the file refers to.
    """
    changes: list[Change] = []
    for section, noun in NOUNS.items():
        odd = {one.name for one in state.unfit if one.section == section}
        changes += _additions(noun, getattr(wanted, section), getattr(state.file, section), odd)
    changed = {change.name for change in changes if change.noun == configuration.CAPTURE}
    generated = list(_generations(wanted, state, changed))
    changes += generated
    changed |= {change.name for change in generated}
    changes += _attachments(wanted, state, changed)
    return [*changes, *_removals(wanted, state)] if prune else changes


def fields_of(entry: BaseModel) -> dict[str, Any]:
    """Return the fields of an entry by name, such as `target.kind`; lists and mappings are values."""
    found = entry.model_dump(by_alias=True)
    if isinstance(entry, model.EventType):
        found["payload_keys"] = model.ANY if entry.payload_keys is None else list(entry.payload_keys)
    flat: dict[str, Any] = {}
    for name, value in found.items():
        if name in ("target", "when"):
            flat.update({f"{name}.{key}": item for key, item in value.items()})
        else:
            flat[name] = value
    return {name: list(value) if isinstance(value, tuple) else value for name, value in flat.items()}


def _additions(
    noun: str, wanted: Mapping[str, Any], present: Mapping[str, Any], odd: Collection[str]
) -> Iterator[Change]:
    """Yield the additions and changes of a section. `odd` are rows that exist and do not fit the model."""
    for name, entry in sorted(wanted.items()):
        new = fields_of(entry)
        if name not in present:
            added = (FieldChange(key, None, value) for key, value in new.items() if _says_something(value))
            yield Change(CHANGE if name in odd else ADD, noun, name, tuple(added))
            continue
        old = fields_of(present[name])
        changed = tuple(
            FieldChange(key, old[key], value) for key, value in new.items() if not _same(key, old[key], value)
        )
        if changed:
            yield Change(CHANGE, noun, name, changed)


def _says_something(value: Any) -> bool:
    return value is not None and value not in ({}, [], "")


def _same(key: str, old: Any, new: Any) -> bool:
    if key in _UNORDERED and isinstance(old, list) and isinstance(new, list):
        return sorted(old) == sorted(new)
    return bool(old == new)


def _generations(wanted: OutboxFile, state: State, changed: Collection[str]) -> Iterator[Change]:
    """Yield a change for each capture that is not off and whose function is not what it would be now.

    A capture in `changed` is generated anyway.
    """
    for name, entry in sorted(wanted.captures.items()):
        row = state.captures.get(name)
        if row and row.misfit and entry.mode != "off" and name not in changed:
            yield Change(GENERATE, configuration.CAPTURE, name)


def _attachments(wanted: OutboxFile, state: State, changed: Collection[str]) -> Iterator[Change]:
    """Yield an attachment for each capture that is not off and lacks triggers that the role may create.

    The triggers of a capture in `changed` are a part of its addition or change.
    """
    for name, entry in sorted(wanted.captures.items()):
        row = state.captures.get(name)
        if row and row.lacks_triggers and row.may_attach and entry.mode != "off" and name not in changed:
            yield Change(ATTACH, configuration.CAPTURE, name)


def _removals(wanted: OutboxFile, state: State) -> Iterator[Change]:
    """Yield a removal of each entry that the file does not name; users before their types."""
    types = {entry.event_type for entry in wanted.routes.values()}
    types |= {entry.event_type for entry in wanted.captures.values()}
    used = {"event_types": types, "targets": {entry.target.ref for entry in wanted.routes.values()}}
    for section in reversed(list(NOUNS)):
        kept: Collection[str] = {*getattr(wanted, section), *INSTALLED[section], *used.get(section, ())}
        for name, entry in sorted(getattr(state.file, section).items()):
            if name in kept:
                continue
            removed = (FieldChange(key, value, None) for key, value in fields_of(entry).items())
            yield Change(
                REMOVE, NOUNS[section], name, tuple(one for one in removed if _says_something(one.old))
            )

"""Reading of an outbox file: text to model, with the place of everything that is not valid."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from iu_pipelines.domain.outbox_file import model
from iu_pipelines.domain.outbox_file.model import OutboxFile
from iu_pipelines.domain.outbox_file.problems import Field, Place, Problem, invalid, shown
from iu_pipelines.domain.outbox_file.yaml_nodes import Keyed, Listing, Node, Unreadable, compose

_RAW: Final = ("becomes", "equals", "in")
"""The conditions whose values are the text of the file, whatever its type would be."""

_OF_ENTRIES: Final[Mapping[str, type[BaseModel]]] = {
    "event_types": model.EventType,
    "targets": model.DeliveryTarget,
    "routes": model.Route,
    "captures": model.Capture,
    "workers": model.Worker,
}
_TYPES: Final[Mapping[str, str]] = {
    "string_type": "Write text; put a number, true, false or null in quotation marks.",
    "bool_type": "Write true or false.",
    "tuple_type": "Write a list, such as [status].",
    "dict_type": "Write a mapping of names to values.",
    "model_type": "Write a mapping of keys to values.",
    "model_attributes_type": "Write a mapping of keys to values.",
}
_LISTS: Final[Mapping[str, str]] = {
    "retry_seconds": "Write a list, such as [5, 300, 1800].",
    "senders": "Write a list, such as [carla].",
}


class Source:
    """A file that was read: its name, its model, and the places of its fields."""

    def __init__(self, name: str, root: Node, file: OutboxFile) -> None:
        self.name = name
        self.file = file
        self._root = root

    def problem(self, field: Field, message: str, advice: str) -> Problem:
        """Return a problem of a field, or of the nearest mapping that has it, if it is not in the file."""
        return Problem(_place(self._root, field), field, message, advice)


def read(content: bytes, name: str) -> Source:
    """Read a file. `name` is its name in errors.

    Raises:
        OutboxFileInvalid: the content is not an outbox file; the error names each line and field.
    """
    try:
        root = compose(content)
    except Unreadable as error:
        raise invalid(name, [error.problem]) from None
    try:
        file = OutboxFile.model_validate(_data(root, ()))
    except ValidationError as error:
        raise invalid(name, list(_problems(root, error.errors(include_url=False)))) from None
    return Source(name, root, file)


def _data(node: Node, field: Field) -> Any:
    """Return the values of a tree; below a condition they are text, except null."""
    if isinstance(node, Keyed):
        return {key: _data(value, (*field, key)) for key, value in node.values.items()}
    if isinstance(node, Listing):
        return [_data(item, (*field, place)) for place, item in enumerate(node.items)]
    raw = len(field) > 4 and field[0] == "captures" and field[2] == "when" and field[3] in _RAW
    return node.text if raw and not node.is_null else node.value


def _problems(root: Node, errors: Sequence[ErrorDetails]) -> Iterator[Problem]:
    """Yield the problems, without a missing key whose name is misspelt: that is an unknown key too."""
    misspelt = {
        (*found["loc"][:-1], close)
        for found in errors
        if found["type"] == "extra_forbidden" and (close := _meant(found["loc"]))
    }
    for found in errors:
        if found["type"] != "missing" or found["loc"] not in misspelt:
            yield _problem(root, found)


def _meant(field: Field) -> str | None:
    """Return the known key that is similar to an unknown one, or None."""
    return next(iter(get_close_matches(str(field[-1]), list(_keys_at(field[:-1])), 1)), None)


def _problem(root: Node, found: ErrorDetails) -> Problem:
    field = tuple(part for part in found["loc"] if part != "[key]")
    message, advice = _explained(found, field)
    return Problem(_place(root, field), field, message, advice)


def _explained(found: ErrorDetails, field: Field) -> tuple[str, str]:
    """Return what is wrong, and what to write instead."""
    kind, context, value = found["type"], found.get("ctx", {}), found["input"]
    if explain := _EXPLAINED.get(kind):
        return explain(context, field, value)
    if value is None:
        return _null(field)
    advice = _LISTS.get(str(field[-1])) if kind == "tuple_type" else None
    return f"{_described(value)} is not accepted here", advice or _TYPES.get(
        kind, "Compare it with: iu schema"
    )


def _count(context: Mapping[str, Any], field: Field, value: Any) -> tuple[str, str]:
    if "min_length" in context:
        return "the list is empty", "Write at least one element, or leave the key out."
    return f"more than {context['max_length']} elements", "Leave some out."


_ALLOW_PRIVATE: Final = "Delete this key. An approver runs: iu target set {name} --allow-private --reason WHY"

_ADVICE_MISSING: Final[Mapping[str, str]] = {
    "payload_keys": "List the keys that a payload may have, such as [total_cents], or write the word any.",
    "subject_table": "Name the table of the subjects, such as orders.",
    "target": "Write the target, such as {kind: workflow, ref: event_outbox}.",
    "event_type": "Name the event type, such as order_paid.",
    "table": "Name the table, such as public.orders.",
    "on": "Write insert, update or delete.",
    "kind": "Name the kind of the target, such as webhook.",
}


_Explain = Callable[[Mapping[str, Any], Field, Any], tuple[str, str]]
_EXPLAINED: Final[Mapping[str, _Explain]] = {
    "iu": lambda context, field, value: (context["problem"], context["advice"]),
    "extra_forbidden": lambda context, field, value: _unknown_key(field),
    "missing": lambda context, field, value: (
        "this key is missing",
        _ADVICE_MISSING.get(str(field[-1]), "Add it; see: iu schema"),
    ),
    "literal_error": lambda context, field, value: (
        f"{shown(value)} is not known",
        f"Write {context['expected'].replace(chr(39), '')}.",
    ),
    "too_long": _count,
    "too_short": _count,
}


def _null(field: Field) -> tuple[str, str]:
    if len(field) > 3 and field[2] == "when":
        return (
            "null is compared with is_null",
            "Write is_null: {column: true}, or put the text in quotation marks.",
        )
    return "the value is empty", "Write a value, or leave the key out."


def _described(value: Any) -> str:
    if isinstance(value, Mapping):
        return "a mapping"
    return "a list" if isinstance(value, Sequence) and not isinstance(value, str) else shown(value)


def _unknown_key(field: Field) -> tuple[str, str]:
    key = str(field[-1])
    if key == "allow_private" and field[0] == "targets":
        return "only an approver may allow a private address", _ALLOW_PRIVATE.format(name=field[1])
    if key == "dry_run" and field[0] == "routes":
        return "every route is a dry run", "Delete this key."
    close = _meant(field)
    advice = f"Did you mean {close}?" if close else f"Write one of {', '.join(_keys_at(field[:-1]))}."
    return f"the key {shown(key)} is not known", advice


def _keys_at(field: Field) -> Iterator[str]:
    """Yield the keys that the mapping at `field` may have."""
    if not field:
        yield from OutboxFile.model_fields
        return
    inner: Mapping[str, type[BaseModel]] = {"target": model.Target, "when": model.When}
    entry = inner.get(str(field[-1])) if len(field) > 2 else None
    for name, known in (entry or _OF_ENTRIES[str(field[0])]).model_fields.items():
        yield known.alias or name


def _place(root: Node, field: Field) -> Place:
    """Return the place of a field: of its key, or of its value in a list."""
    node: Node = root
    place = root.place
    for part in field:
        if isinstance(node, Keyed) and part in node.values:
            place = node.places[str(part)]
            node = node.values[str(part)]
        elif isinstance(node, Listing) and isinstance(part, int) and part < len(node.items):
            node = node.items[part]
            place = node.place
        else:
            break
    return place

"""Conversion of rows and JSON results into dataclasses, and of dataclasses into lists of columns.

A field is declared as `name: Annotated[UUID, "description"]`. Its PostgreSQL type is derived from the Python
type. `Annotated[int, "integer", "description"]` sets the PostgreSQL type explicitly.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Final, TypeVar, Union, cast, get_args, get_origin, get_type_hints
from uuid import UUID

from pydantic import TypeAdapter

_Row = TypeVar("_Row")

_POSTGRESQL: Final[Mapping[Any, str]] = {
    bool: "boolean",
    int: "bigint",
    float: "numeric",
    str: "text",
    UUID: "uuid",
    datetime: "timestamptz",
    dict: "jsonb",
}


@dataclasses.dataclass(frozen=True)
class Column:
    """One column of a table, view or report: its name, PostgreSQL type and description."""

    name: str
    type: str
    description: str


@cache
def columns(row: type) -> tuple[Column, ...]:
    """Return the columns of the dataclass `row`, in the order of its fields."""
    hints = get_type_hints(row, include_extras=True)
    return tuple(_column(field.name, hints[field.name]) for field in dataclasses.fields(row))


def read(row: type[_Row], answer: Any) -> _Row:
    """Convert `answer`, a row or a JSON object from the database, into the dataclass `row`.

    Keys without a field of the same name are ignored, because a newer database may return more keys.

    Raises:
        pydantic.ValidationError: a key is missing or has a value of another type.
    """
    adapter: TypeAdapter[_Row] = _adapter(cast("Any", row))
    return adapter.validate_python(answer)


def read_present(row: type[_Row], answers: Sequence[Mapping[str, Any]], key: str) -> list[_Row]:
    """Convert the rows in which `key` is not null, of an outer join that also has other columns."""
    return [read(row, answer) for answer in answers if answer[key] is not None]


@cache
def _adapter(row: Any) -> TypeAdapter[Any]:
    return TypeAdapter(row)


def _column(name: str, hint: Any) -> Column:
    notes: Sequence[str] = ()
    if get_origin(hint) is Annotated:
        hint, *found = get_args(hint)
        notes = [note for note in found if isinstance(note, str)]
    kind = notes[0] if len(notes) > 1 else _type(hint)
    return Column(name, kind, notes[-1] if notes else "")


def _type(hint: Any) -> str:
    if get_origin(hint) in (Union, types.UnionType):
        (hint,) = (part for part in get_args(hint) if part is not type(None))
    if get_origin(hint) in (list, tuple):
        return f"{_type(get_args(hint)[0])}[]"
    return _POSTGRESQL[get_origin(hint) or hint]

"""Tables of the fields of a Pydantic model that a person fills in, in Python or in YAML."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

import dagster as dg
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from generators import IncompletePageError
from generators.markdown import prose, table

HEADER: Final = ("field", "type", "default", "meaning")
_WORDS: Final[Mapping[Any, str]] = {
    str: "text",
    bool: "true or false",
    int: "integer",
    float: "number",
    dict[str, Any]: "mapping",
}


def of_model(model: type[BaseModel]) -> list[str]:
    """Return the table of the fields of a model.

    Raises:
        IncompletePageError: if a field has no description.
    """
    rows = [
        [f"`{name}`", type_of(field.annotation), _default(field), described(name, field.description)]
        for name, field in model.model_fields.items()
    ]
    return [*table(HEADER, rows), ""]


def described(name: str, description: str | None) -> str:
    """Return a description as a cell. Raises IncompletePageError if there is none."""
    if not description:
        raise IncompletePageError(f"{name} has no description")
    return prose(description, {})


def type_of(kind: Any) -> str:
    """Return the words for a type, as it is written in YAML."""
    origin, inner = get_origin(kind), get_args(kind)
    words = _WORDS.get(kind, "function" if origin is Callable else "object")
    if origin in (Union, UnionType):
        words = " or ".join(type_of(one) for one in inner if one is not NoneType)
    elif origin is Literal:
        words = " or ".join(f"`{one}`" for one in inner)
    elif origin in (tuple, frozenset, Sequence):
        words = f"list of {type_of(inner[0])}"
    elif origin is Annotated:
        words = type_of(inner[0])
    elif isinstance(kind, type) and issubclass(kind, BaseModel):
        words = f"`{kind.__name__}`"
    return words


def value(found: Any) -> str:
    """Return a default as code, in the form of YAML, or nothing if it is None or empty."""
    if found is None or (not found and not isinstance(found, bool | int | float)):
        return ""
    return f"`{found if isinstance(found, str) else json.dumps(found)}`"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    factory: Any = field.default_factory
    default = factory() if factory else field.default
    return value(default.name if isinstance(default, dg.ExecutorDefinition) else default)

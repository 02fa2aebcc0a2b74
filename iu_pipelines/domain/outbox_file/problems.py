"""Problems of an outbox file: the place, the field, what is wrong, and what to write instead."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from iu_pipelines.errors import OutboxFileInvalid, redact

_SHOWN: Final = 20
_VALUE_CHARACTERS: Final = 60

Field = tuple[str | int, ...]
"""The keys and list positions from the root to a value."""


@dataclass(frozen=True)
class Place:
    """A place in the file; lines and columns begin at 1."""

    line: int
    column: int


@dataclass(frozen=True)
class Problem:
    """One problem. `message` has the value, `advice` is a sentence that says what to write."""

    place: Place
    field: Field
    message: str
    advice: str

    def text(self) -> str:
        """Return the place, the field and the message as one line."""
        where = f"line {self.place.line}, column {self.place.column}: "
        return f"{where}{named(self.field)}: {self.message}" if self.field else where + self.message


def named(field: Field) -> str:
    """Return a field as text, such as `routes.'shop.billing'.target.ref`.

    A key with a dot is in quotation marks, and so is a key with other than ASCII characters.
    """
    return ".".join(_part(part) for part in field)


def _part(part: str | int) -> str:
    if isinstance(part, int):
        return f"[{part}]"
    return part if part.isascii() and part.replace("_", "a").isalnum() else shown(part)


def shown(value: Any) -> str:
    """Return a value for a message: short, in quotation marks, without a password, in ASCII if confusable."""
    text = redact(value) if isinstance(value, str) else value
    quoted = repr(text)
    if any(
        unicodedata.category(character).startswith(("C", "Z")) for character in quoted if character != " "
    ):
        quoted = ascii(text)
    return quoted if len(quoted) <= _VALUE_CHARACTERS else f"{quoted[: _VALUE_CHARACTERS - 4]}...{quoted[-1]}"


def invalid(name: str, problems: Sequence[Problem]) -> OutboxFileInvalid:
    """Return the error for the problems of the file `name`: the first one, and the others as notes."""
    first, *others = sorted(problems, key=lambda problem: (problem.place.line, problem.place.column))
    error = OutboxFileInvalid(f"{name}, {first.text()}", hint=first.advice)
    for other in others[: _SHOWN - 1]:
        error.add_note(f"{name}, {other.text()}. {other.advice}")
    if len(problems) > _SHOWN:
        error.add_note(f"{len(problems) - _SHOWN} more problems are not shown.")
    return error

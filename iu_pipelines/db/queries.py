"""The protocol that the domain functions call: four methods, each of which runs one statement.

`Gateway` (one transaction for each call) and `Session` (many calls in one transaction) implement it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

ONE_SNAPSHOT: Final = "set transaction isolation level repeatable read, read only"
"""The first statement of a transaction whose statements all read one snapshot, and write nothing."""


class Queries(Protocol):
    """Methods that run one statement; placeholders are `%s` or `%(name)s`, rows are dicts."""

    def fetch_value(self, sql: str, params: Sequence[Any] | Mapping[str, Any] = ()) -> Any:
        """Return the first column of the first row, or None when there is no row."""
        ...

    def fetch_one(self, sql: str, params: Sequence[Any] | Mapping[str, Any] = ()) -> dict[str, Any] | None:
        """Return the first row, or None when there is none."""
        ...

    def fetch_all(self, sql: str, params: Sequence[Any] | Mapping[str, Any] = ()) -> list[dict[str, Any]]:
        """Return all rows."""
        ...

    def execute(self, sql: str, params: Sequence[Any] | Mapping[str, Any] = ()) -> int:
        """Return the number of affected rows."""
        ...

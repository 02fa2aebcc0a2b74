"""What a domain call needs from a database: four ways to run one statement.

Both the gateway (a transaction a call) and its session (many calls in one transaction) fit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol


class Queries(Protocol):
    """Run one statement; placeholders are `%s` or `%(name)s`, rows are dicts."""

    def fetch_value(self, sql: str, params: Sequence[Any] | Mapping[str, Any] = ()) -> Any:
        """Return the first column of the first row, or None when there is no row."""
        ...

    def fetch_one(self, sql: str, params: Sequence[Any] | Mapping[str, Any] = ()) -> dict[str, Any] | None:
        """Return the first row, or None when there is none."""
        ...

    def fetch_all(self, sql: str, params: Sequence[Any] | Mapping[str, Any] = ()) -> list[dict[str, Any]]:
        """Return every row."""
        ...

    def execute(self, sql: str, params: Sequence[Any] | Mapping[str, Any] = ()) -> int:
        """Return the number of rows the statement touched."""
        ...

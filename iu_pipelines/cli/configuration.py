"""What the commands about event types and routes print alike: changes, and numbers of events that wait."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from iu_pipelines.cli.output import json_line, print_table
from iu_pipelines.domain.configuration import ConfigChange
from iu_pipelines.domain.event_types import COUNTED_WAITING
from iu_pipelines.domain.quantities import counted


def print_changes(changes: Sequence[ConfigChange]) -> None:
    """Print changes of the configuration, newest first, each with the columns that changed."""
    print_table(
        "Newest changes",
        ("at", "change", "by", "reason"),
        [(item.changed_at, _difference(item), item.changed_by, item.reason) for item in changes],
        empty="none",
    )


def counted_events(waiting: int) -> str:
    """Return a number of waiting events, which were counted up to COUNTED_WAITING."""
    return f"{'at least ' if waiting >= COUNTED_WAITING else ''}{counted(waiting, 'event')}"


def _difference(change: ConfigChange) -> str:
    old, new = change.old_value, change.new_value
    if old is None or new is None:
        return "added" if old is None else "removed"
    return changed_columns(old, new)


def changed_columns(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """Return the columns whose values differ, on one line, each with its old and its new value."""
    return ", ".join(
        f"{column}: {said(old.get(column))} -> {said(value)}"
        for column, value in new.items()
        if old.get(column) != value
    )


def said(value: Any) -> str:
    """Return a value of a column for a person: text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json_line(value)

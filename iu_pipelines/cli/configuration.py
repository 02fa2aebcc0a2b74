"""What the commands about event types and routes print alike: changes, and numbers of events that wait."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from iu_pipelines.cli.output import print_table
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
    return ", ".join(
        f"{column}: {_said(old.get(column))} -> {_said(value)}"
        for column, value in new.items()
        if old.get(column) != value
    )


def _said(value: Any) -> str:
    return "null" if value is None else str(value)

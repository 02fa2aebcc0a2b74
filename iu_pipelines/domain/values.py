"""Values as they arrive inside JSON answers, turned into Python types."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID


def optional_uuid(value: str | None) -> UUID | None:
    """Return the UUID written in *value*, or None."""
    return None if value is None else UUID(value)


def optional_time(value: str | None) -> datetime | None:
    """Return the ISO 8601 time written in *value*, or None."""
    return None if value is None else datetime.fromisoformat(value)

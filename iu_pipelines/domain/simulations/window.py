"""The window of a simulation: its ends are given as ages, such as 7d, or as times."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from iu_pipelines.domain import times
from iu_pipelines.domain.times import FORMS, Moment
from iu_pipelines.errors import UsageError

_MARGIN_SECONDS: Final = 60
_LAST_ID: Final = UUID(int=2**128 - 1)


@dataclass(frozen=True)
class Window:
    """Events from `since` on and before `until`; without `until`, up to the newest."""

    since: datetime
    until: datetime | None

    def first_id(self) -> UUID:
        """Return an id that is not above that of any event of the window."""
        return _id_at(self.since.timestamp() - _MARGIN_SECONDS)

    def last_id(self) -> UUID:
        """Return an id that is above that of every event of the window."""
        return _id_at(self.until.timestamp() + _MARGIN_SECONDS) if self.until else _LAST_ID


def between(since: Moment, until: Moment | None, now: datetime) -> Window:
    """Return the window whose ages are counted back from `now`.

    Raises:
        UsageError: the window ends before it begins.
    """
    window = Window(times.at(since, now), None if until is None else times.at(until, now))
    if window.since >= (window.until or now):
        raise UsageError(
            f"the window is empty: it begins at {window.since.isoformat(timespec='seconds')} and ends at "
            f"{(window.until or now).isoformat(timespec='seconds')}",
            hint=f"Let `since` be before `until`, which is now unless it is given. {FORMS}",
        )
    return window


def _id_at(seconds: float) -> UUID:
    """Return the lowest UUIDv7 of a time since 1970; ids of events ascend with the time of their emission."""
    return UUID(int=max(int(seconds * 1000), 0) << 80)

"""The window of a simulation: its ends are given as ages, such as 7d, or as times."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final
from uuid import UUID

from iu_pipelines.errors import UsageError

FORMS: Final = "Write an age such as 30m, 12h or 7d, or a time such as 2026-11-20T08:00:00+00:00."

_AGE: Final = re.compile(r"(\d{1,6})([smhdw])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_OLDEST: Final = timedelta(days=36_525)
_MARGIN_SECONDS: Final = 60
_LAST_ID: Final = UUID(int=2**128 - 1)

Moment = timedelta | datetime
"""An age before the present time of the server, or a time with an offset."""


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


def parse(text: str, zone: tzinfo | None = None) -> Moment:
    """Return the age or the time that `text` says.

    A time without an offset is one of `zone`, by default of the time zone of this machine.

    Raises:
        UsageError: it is neither an age nor a time, or an age of more than 100 years.
    """
    if found := _AGE.fullmatch(text):
        age = timedelta(**{_UNITS[found[2]]: int(found[1])})
        if age > _OLDEST:
            raise UsageError(f"the age {text} is longer than 100 years", hint=FORMS)
        return age
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text[:100]!r} is neither an age nor a time", hint=FORMS) from None
    try:
        return (time.replace(tzinfo=zone) if zone and time.tzinfo is None else time).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(f"the time {text!r} is out of range", hint=FORMS) from None


def between(since: Moment, until: Moment | None, now: datetime) -> Window:
    """Return the window whose ages are counted back from `now`.

    Raises:
        UsageError: the window ends before it begins.
    """
    window = Window(_at(since, now), None if until is None else _at(until, now))
    if window.since >= (window.until or now):
        raise UsageError(
            f"the window is empty: it begins at {window.since.isoformat(timespec='seconds')} and ends at "
            f"{(window.until or now).isoformat(timespec='seconds')}",
            hint=FORMS,
        )
    return window


def _at(moment: Moment, now: datetime) -> datetime:
    return now - moment if isinstance(moment, timedelta) else moment


def _id_at(seconds: float) -> UUID:
    """Return the lowest UUIDv7 of a time since 1970; ids of events ascend with the time of their emission."""
    return UUID(int=max(int(seconds * 1000), 0) << 80)

"""Times: those that a person gives, an age such as `7d` or a time in ISO 8601, and those that are shown."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from iu_pipelines.errors import UsageError

FORMS: Final = "Write an age such as 30m, 12h or 7d, or a time such as 2026-11-20T08:00:00+00:00."

_AGE: Final = re.compile(r"(\d{1,6})([smhdw])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_OLDEST: Final = timedelta(days=36_525)

Moment = timedelta | datetime
"""An age, or a time with an offset."""


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


def shown(moment: datetime | None) -> str:
    """Return a time to the second in the local time zone, as commands print it, or a dash."""
    return "-" if moment is None else moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def at(moment: Moment, now: datetime) -> datetime:
    """Return the time that is meant; an age is counted back from `now`."""
    return now - moment if isinstance(moment, timedelta) else moment


def in_utc(moment: datetime) -> str:
    """Return a time to the second in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"

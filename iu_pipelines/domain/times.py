"""Times that a person gives: an age such as `7d`, or a moment in ISO 8601 with its zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from iu_pipelines.errors import UsageError

_AGE: Final = re.compile(r"(\d{1,9})(s|m|h|d|w)")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_FORMS: Final = (
    "Give an age such as 30m, 12h or 7d, or a time with its zone such as 2026-11-27T08:00:00+00:00."
)


def parse_moment(text: str, now: datetime | None = None) -> datetime:
    """Return the moment that `text` names, in UTC: an age before `now`, or a time in ISO 8601 with a zone.

    Raises:
        UsageError: the text has neither form, has no zone, or is out of range.
    """
    given = text.strip()
    try:
        if age := _AGE.fullmatch(given):
            return (now or datetime.now(UTC)) - timedelta(**{_UNITS[age[2]]: int(age[1])})
        moment = datetime.fromisoformat(given)
        if moment.tzinfo is None:
            raise UsageError(f"the time {text!r} has no zone", hint=_FORMS)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(f"{text!r} is no age and no time", hint=_FORMS) from None

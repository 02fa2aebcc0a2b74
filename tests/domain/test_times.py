"""Ages and times that a person gives."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from iu_pipelines.domain import times
from iu_pipelines.errors import UsageError

NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("30s", datetime(2026, 11, 27, 7, 59, 30, tzinfo=UTC)),
        ("30m", datetime(2026, 11, 27, 7, 30, tzinfo=UTC)),
        ("12h", datetime(2026, 11, 26, 20, 0, tzinfo=UTC)),
        ("7d", datetime(2026, 11, 20, 8, 0, tzinfo=UTC)),
        ("2w", datetime(2026, 11, 13, 8, 0, tzinfo=UTC)),
        ("2026-11-27T09:00:00+02:00", datetime(2026, 11, 27, 7, 0, tzinfo=UTC)),
        ("2026-11-27T07:00:00Z", datetime(2026, 11, 27, 7, 0, tzinfo=UTC)),
    ],
)
def test_an_age_and_a_time_with_a_zone_are_moments_in_utc(text: str, moment: datetime) -> None:
    found = times.at(times.parse(text), NOW)
    assert (found, found.tzinfo) == (moment, UTC)


@pytest.mark.parametrize("text", ["", "7", "7x", "-1d", "yesterday", "2026-13-01T00:00:00Z", "999999w"])
def test_another_text_is_refused_with_its_value_and_the_forms(text: str) -> None:
    with pytest.raises(UsageError, match="age") as refused:
        times.parse(text)
    assert text in refused.value.message
    assert "7d" in str(refused.value.hint)


def test_a_time_without_an_offset_is_one_of_the_zone_given() -> None:
    tokyo = timezone(timedelta(hours=9))
    assert times.parse("2026-11-27T07:00:00", tokyo) == datetime(2026, 11, 26, 22, 0, tzinfo=UTC)

"""Ages and times that a person gives."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from iu_pipelines.domain.times import parse_moment
from iu_pipelines.errors import UsageError

NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("30s", datetime(2026, 11, 27, 7, 59, 30, tzinfo=UTC)),
        ("30m", datetime(2026, 11, 27, 7, 30, tzinfo=UTC)),
        ("12h", datetime(2026, 11, 26, 20, 0, tzinfo=UTC)),
        (" 7d ", datetime(2026, 11, 20, 8, 0, tzinfo=UTC)),
        ("2w", datetime(2026, 11, 13, 8, 0, tzinfo=UTC)),
        ("2026-11-27T09:00:00+02:00", datetime(2026, 11, 27, 7, 0, tzinfo=UTC)),
        ("2026-11-27T07:00:00Z", datetime(2026, 11, 27, 7, 0, tzinfo=UTC)),
    ],
)
def test_an_age_and_a_time_with_a_zone_are_moments_in_utc(text: str, moment: datetime) -> None:
    assert parse_moment(text, NOW) == moment
    assert parse_moment(text, NOW).tzinfo is UTC


@pytest.mark.parametrize("text", ["", "7", "7x", "-1d", "yesterday", "2026-13-01T00:00:00Z", "999999999w"])
def test_another_text_is_refused_with_its_value_and_the_forms(text: str) -> None:
    with pytest.raises(UsageError, match="no age and no time") as refused:
        parse_moment(text, NOW)
    assert repr(text) in refused.value.message
    assert "7d" in str(refused.value.hint)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(UsageError, match="'2026-11-27T07:00:00' has no zone"):
        parse_moment("2026-11-27T07:00:00", NOW)

"""Cursor of the notification sensor: what has been reported. Its size is bounded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pydantic import BaseModel, ValidationError

from iu_pipelines.defs.kit.notice_channels import Channel
from iu_pipelines.defs.kit.notices import Notice

OVERLAP: Final = timedelta(seconds=60)
"""How far back each tick looks again, for what was committed late or by a host whose clock is behind."""


@dataclass(frozen=True)
class Occurrence:
    """One thing that happened at a time and is reported once. `key` identifies it."""

    key: str
    at: datetime
    notice: Callable[[], Notice]


@dataclass(frozen=True)
class Found:
    """Occurrences in the order of their times. `read_to` is None if there are no later ones."""

    occurrences: Sequence[Occurrence] = ()
    read_to: datetime | None = None


class Window(BaseModel):
    """The keys of what was reported since a time. What happened before is not looked at again."""

    since: datetime
    reported: list[str] = []

    def moved(self, found: Found, now: datetime) -> Window:
        """Return the window after all of `found` have been reported."""
        since = max(self.since, found.read_to or now - OVERLAP)
        return Window(since=since, reported=[one.key for one in found.occurrences if one.at > since])


class Cursor(BaseModel):
    """What was reported. A part that is None is new: what a tick then finds is of the past.

    `failed_checks` are the checks that were reported and have not passed since. `partly` names a notice
    that a channel refused, and the channel that has received it and does not get it again.
    """

    runs: Window | None = None
    letters: Window | None = None
    failed_checks: list[str] | None = None
    partly: tuple[str, str] | None = None

    @classmethod
    def read(cls, text: str | None) -> Cursor:
        """Return the cursor in `text`, or a new one if it contains none."""
        try:
            return cls.model_validate_json(text or "{}")
        except ValidationError:
            return cls()

    def deliver(self, key: str, notice: Notice, channels: Sequence[Channel]) -> None:
        """Send `notice` to each channel that has not received it. Raises NotDelivered."""
        for channel in channels:
            if self.partly != (key, channel.name):
                channel.send(notice)
                self.partly = (key, channel.name)
        self.partly = None

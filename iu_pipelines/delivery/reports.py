"""The limits of a drain, and what it reports: counts of each target, and problems that people must solve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Final, Literal

from iu_pipelines.domain.deliveries import MOST_CLAIMED, MOST_QUEUED
from iu_pipelines.errors import BatchLimitInvalid, UsageError

StoppedReason = Literal[
    "drained",
    "max_seconds",
    "max_deliveries",
    "gate_closed",
    "held",
    "left_to_others",
    "target_changed",
    "cancelled",
    "failed",
]

MOST_CONCURRENT: Final = 1000
"""Sends of one target at the same time, at most."""


@dataclass(frozen=True)
class DrainLimits:
    """The limits of one drain. All but `max_seconds` are of each target; None sets no limit.

    A target that has nothing due polls for `linger_seconds` after its last delivery. `batch_limit` is the
    number of deliveries of one claim, and `enqueue_limit` the number of events that one call reads.
    """

    batch_limit: int = 200
    max_seconds: float | None = None
    linger_seconds: float = 0.0
    concurrency: int = 64
    max_deliveries: int | None = None
    enqueue_limit: int = 1000

    def __post_init__(self) -> None:
        """Raise unless every limit is in its range.

        Raises:
            BatchLimitInvalid: `batch_limit` or `enqueue_limit` is out of range.
            UsageError: another limit is out of range.
        """
        for name, most in (("batch_limit", MOST_CLAIMED), ("enqueue_limit", MOST_QUEUED)):
            if not 1 <= getattr(self, name) <= most:
                raise BatchLimitInvalid(
                    f"{name} is not in the range 1 to {most}: {getattr(self, name)}",
                    hint="Give a number in this range.",
                )
        if not 1 <= self.concurrency <= MOST_CONCURRENT:
            raise UsageError(f"concurrency is not in the range 1 to {MOST_CONCURRENT}: {self.concurrency}")


@dataclass(frozen=True)
class FailedSends:
    """Sends of a target that failed with one class of answer. `error` is the newest, and has no secret."""

    status_class: str
    decision: Literal["retry", "failed"]
    count: int
    error: str | None = None

    @property
    def said(self) -> str:
        """The class, and the newest error in brackets."""
        return f"{self.status_class} ({self.error})" if self.error else self.status_class


@dataclass(frozen=True)
class TargetReport:
    """What a drain did for one target.

    The numbers of deliveries that are left are those of the end of the drain, None if they could not be read
    and while it runs.
    """

    target: Annotated[str, "the target"]
    enqueued: Annotated[int, "deliveries that were queued"] = 0
    claimed: Annotated[int, "deliveries that were claimed"] = 0
    sent: Annotated[int, "deliveries that the target accepted"] = 0
    retry: Annotated[int, "deliveries that are due again later, with those that were not sent"] = 0
    failed: Annotated[int, "deliveries that became dead letters"] = 0
    stale: Annotated[int, "outcomes that were recorded after the delivery had been claimed again"] = 0
    unsent: Annotated[int, "claims that were not sent, because it was too late or the drain stopped"] = 0
    unrecorded: Annotated[int, "outcomes that the database refused"] = 0
    queued: Annotated[int | None, "deliveries that wait for a claim now"] = None
    in_doubt: Annotated[int | None, "deliveries whose outcome is unknown now"] = None
    waiting: Annotated[int | None, "deliveries that are due again later"] = None
    held: Annotated[int | None, "deliveries of which none is claimed now"] = None
    held_reasons: Annotated[tuple[str, ...], "why deliveries are held"] = ()
    stopped_reason: Annotated[
        StoppedReason | None, "why the drain of the target ended; None while it runs"
    ] = None
    seconds: Annotated[float, "duration"] = 0.0
    failures: Annotated[
        tuple[FailedSends, ...], "failed sends by the class of the answer, the newest first"
    ] = ()

    @property
    def rate(self) -> float:
        """Accepted deliveries per second; 0 if the duration is 0."""
        return self.sent / self.seconds if self.seconds else 0.0

    def __add__(self, later: TargetReport) -> TargetReport:
        """Return the sum of two reports about the same target, with what is left according to the later."""
        added = {name: getattr(self, name) + getattr(later, name) for name in _ADDED}
        return replace(later, **added, failures=_merged(self.failures, later.failures))


_ADDED: Final = (
    "enqueued", "claimed", "sent", "retry", "failed", "stale", "unsent", "unrecorded", "seconds",
)  # fmt: skip


def _merged(earlier: Sequence[FailedSends], later: Sequence[FailedSends]) -> tuple[FailedSends, ...]:
    found = {(one.status_class, one.decision): one for one in later}
    for one in earlier:
        key = one.status_class, one.decision
        found[key] = replace(found[key], count=found[key].count + one.count) if key in found else one
    return tuple(found.values())


@dataclass(frozen=True)
class DrainProblem:
    """Why a target was not served or stopped early. `message` contains no secret."""

    target: str
    message: str
    hint: str | None = None


@dataclass(frozen=True)
class DrainReport:
    """What a drain did, in the order of the names of the targets."""

    sender: str
    run_ref: str | None = None
    targets: tuple[TargetReport, ...] = ()
    problems: tuple[DrainProblem, ...] = ()
    seconds: float = 0.0

    @property
    def sent(self) -> int:
        """Deliveries that targets accepted."""
        return sum(target.sent for target in self.targets)

    @property
    def rate(self) -> float:
        """Accepted deliveries per second; 0 if the duration is 0."""
        return self.sent / self.seconds if self.seconds else 0.0

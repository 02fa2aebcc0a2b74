"""The failed sends of one target, by the class of the answer, for the report of a drain."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from iu_pipelines.delivery.kind import Answer
from iu_pipelines.delivery.reports import DrainProblem, FailedSends
from iu_pipelines.domain import delivery_reasons

MOST_CLASSES: Final = 20
"""Classes that are told apart; sends of further ones are counted as OTHER."""

OTHER: Final = "other"
_MOST_LEFT: Final = 10_000
_MOST_ERROR: Final = 200


class Failures:
    """Counts failed sends, and keeps what a fault of the sender left undelivered: the first 10,000."""

    def __init__(self) -> None:
        self._counted: dict[tuple[str, str], FailedSends] = {}
        self._left: dict[str, FailedSends] = {}

    def add(self, key: str, answer: Answer) -> None:
        """Note what became of one send of the delivery with this key."""
        self._left.pop(key, None)
        if answer.decision == "sent":
            return
        noted = answer.status_class, answer.decision
        if noted not in self._counted and len(self._counted) >= MOST_CLASSES:
            noted = OTHER, answer.decision
        before = self._counted.pop(noted, None)
        error = answer.error[:_MOST_ERROR] if answer.error else None
        failed = FailedSends(noted[0], answer.decision, before.count + 1 if before else 1, error)
        self._counted[noted] = failed
        if answer.local_fault and len(self._left) < _MOST_LEFT:
            self._left[key] = failed

    def newest_first(self) -> tuple[FailedSends, ...]:
        """Return the failed sends of each class."""
        return tuple(reversed(self._counted.values()))

    def problems(self, target_name: str) -> list[DrainProblem]:
        """Return one problem for each class of faults of the sender that left deliveries undelivered."""
        found: dict[str, FailedSends] = {}
        for one in self._left.values():
            count = found[one.status_class].count + 1 if one.status_class in found else 1
            found[one.status_class] = replace(one, count=count)
        return [
            DrainProblem(
                target_name,
                f"a fault of the sender left {one.count:,} undelivered: {one.said}",
                delivery_reasons.answer_hint(one.status_class, target_name),
            )
            for one in found.values()
        ]

"""The twin of live delivery: what rehearsals of the audit worker would have done, and what was done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from iu_pipelines.db.queries import Queries
from iu_pipelines.db.statements import Statements
from iu_pipelines.domain import rows

_SQL: Final = Statements(__name__)

_NOT_DELIVERED: Final = ("outside_canary", "discarded", "not_for_route", "passed_over")


@dataclass(frozen=True)
class Pair:
    """How many events have one decision of the rehearsal and one state of the delivery.

    `would` is dry_run, skipped, failed, or none while the audit worker has not read the event. `did` is a
    state of deliveries.
    """

    would: str
    did: str
    deliveries: int
    first_event_id: UUID | None

    @property
    def agrees(self) -> bool:
        """Whether a delivery of this state is what the rehearsal says: only `dry_run` would be delivered."""
        return self.would in ("dry_run", "none") or self.did in _NOT_DELIVERED


def is_installed(gateway: Queries) -> bool:
    """Return whether the function that compares is installed."""
    found: bool = gateway.fetch_value(_SQL["is_installed"])
    return found


def compare(gateway: Queries, route_code: str, newest: int | None = None) -> list[Pair]:
    """Compare the `newest` events of a live route, or all that its cursor has read."""
    given = {"route_code": route_code, "newest": newest}
    return [rows.read(Pair, row) for row in gateway.fetch_all(_SQL["compare"], given)]

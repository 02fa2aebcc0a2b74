"""The state of one outbox of a fleet, in one row, and of the whole fleet.

Every question has a bounded cost. Nothing is written or locked, and `iu_auditor` may ask.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from iu_pipelines.db.queries import Queries
from iu_pipelines.db.statements import Statements
from iu_pipelines.domain import deliveries, delivery_queue, gates, status
from iu_pipelines.domain.fleet.asking import Asked, Asker
from iu_pipelines.domain.fleet.members import Member
from iu_pipelines.domain.gates import Gate
from iu_pipelines.errors import IuError

_SQL: Final = Statements(__name__)

COUNTED_LETTERS: Final = 1_000
_STOPPING: Final = (gates.MASTER, gates.WORKER, gates.DELIVERY)


@dataclass(frozen=True)
class OutboxState:
    """The state of one outbox that answered.

    `backlog` and `dead_letters` are lower bounds if their `_capped` is true. `oldest_seconds` is how long the
    oldest unread event has waited. `closed_gates` are keys; `held_routes` are those of `live_routes` of which
    nothing is claimed now, each with the reason. `in_doubt`, `parked` and `dead_deliveries` count deliveries.
    """

    healthy: bool
    faults: tuple[str, ...]
    workers: int
    backlog: int
    backlog_capped: bool
    oldest_seconds: float | None
    dead_letters: int
    dead_letters_capped: bool
    closed_gates: tuple[str, ...]
    live_routes: tuple[str, ...]
    held_routes: tuple[tuple[str, str], ...]
    in_doubt: int
    parked: int
    dead_deliveries: int

    @property
    def stopping_gates(self) -> tuple[str, ...]:
        """The closed gates that hold something: without a live route, that of delivery holds nothing."""
        return tuple(key for key in self.closed_gates if key != gates.DELIVERY or self.live_routes)


@dataclass(frozen=True)
class Fault:
    """Why an outbox could not be asked."""

    message: str
    hint: str | None
    code: str | None


@dataclass(frozen=True)
class OutboxRow:
    """One outbox of a fleet: its state, or the error that is instead of it."""

    outbox: str
    state: OutboxState | None
    error: Fault | None
    seconds: float

    @property
    def is_well(self) -> bool:
        """Whether it answered and is healthy."""
        return self.state is not None and self.state.healthy


@dataclass(frozen=True)
class FleetReport:
    """Every outbox of a fleet, in the order of its file."""

    outboxes: tuple[OutboxRow, ...]

    @property
    def states(self) -> list[OutboxState]:
        """The states of the outboxes that answered."""
        return [one.state for one in self.outboxes if one.state]

    @property
    def unreachable(self) -> list[str]:
        """The names of the outboxes that did not answer."""
        return [one.outbox for one in self.outboxes if one.state is None]

    @property
    def unhealthy(self) -> list[str]:
        """The names of the outboxes that answered, and are not healthy."""
        return [one.outbox for one in self.outboxes if one.state and not one.state.healthy]

    @property
    def backlog(self) -> int:
        """The unread events of all outboxes that answered: a lower bound if one of theirs is."""
        return sum(state.backlog for state in self.states)

    @property
    def oldest_seconds(self) -> float:
        """How long the oldest unread event of all has waited; 0 if there is none."""
        return max((state.oldest_seconds or 0.0 for state in self.states), default=0.0)

    @property
    def is_well(self) -> bool:
        """Whether every outbox answered and is healthy."""
        return all(one.is_well for one in self.outboxes)


def collect(asker: Asker, members: Sequence[Member]) -> FleetReport:
    """Ask every outbox. One that does not answer has an error in its row."""
    return report_of(asker.ask(members, lambda gateway, _member: read(gateway)))


def report_of(answers: Sequence[Asked[Member, OutboxState]]) -> FleetReport:
    """Return the report of answers."""
    return FleetReport(
        tuple(
            OutboxRow(one.place.name, one.answer, _fault(one.error), round(one.seconds, 3)) for one in answers
        )
    )


def _fault(error: IuError | None) -> Fault | None:
    if error is None:
        return None
    return Fault(" ".join(error.message.split()), error.hint, error.code)


def read(gateway: Queries) -> OutboxState:
    """Return the state of one outbox.

    Raises:
        StatementFailed: the schema is not installed, or not completely.
    """
    workers = [one for one in status.list_workers(gateway) if one.retired_at is None]
    found = gates.list_gates(gateway)
    letters = int(gateway.fetch_value(_SQL["open_letters"], {"counted": COUNTED_LETTERS + 1}))
    has_delivery = deliveries.is_installed(gateway)
    queues = deliveries.status(gateway) if has_delivery else []
    live = _live_routes(found)
    return OutboxState(
        healthy=all(one.healthy for one in workers),
        faults=tuple(f"{one.worker_name}: {fault}" for one in workers for fault in one.faults),
        workers=len(workers),
        backlog=sum(one.backlog for one in workers),
        backlog_capped=any(one.backlog_capped for one in workers),
        oldest_seconds=max(
            (one.backlog_oldest_seconds for one in workers if one.backlog_oldest_seconds is not None),
            default=None,
        ),
        dead_letters=min(letters, COUNTED_LETTERS),
        dead_letters_capped=letters > COUNTED_LETTERS,
        closed_gates=tuple(
            gate.key
            for gate in found
            if gate.key in _STOPPING and not gate.is_open and (has_delivery or gate.key != gates.DELIVERY)
        ),
        live_routes=live,
        held_routes=_held(gateway, live) if has_delivery else (),
        in_doubt=sum(one.in_doubt for one in queues),
        parked=sum(one.parked for one in queues),
        dead_deliveries=sum(one.dead for one in queues),
    )


def _live_routes(found: Sequence[Gate]) -> tuple[str, ...]:
    value = next((gate.value for gate in found if gate.key == gates.LIVE_ROUTES), None)
    return tuple(dict.fromkeys(one for one in re.split(r"[,\s]+", value or "") if one))


def _held(gateway: Queries, live: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Return the live routes of which nothing is claimed now; a listed route without a promotion is one."""
    refusals = {one.route_code: one.refusal for one in delivery_queue.waiting(gateway)}
    found = {route: refusals.get(route, "never promoted") for route in live}
    return tuple((route, refusal) for route, refusal in found.items() if refusal)

"""The outbox: the append-only table of events, and the functions that emit events into it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from iu_pipelines import emit as emission
from iu_pipelines.callers_connection import Parameters, Row, returns_rows
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.queries import Queries
from iu_pipelines.db.statements import Statements
from iu_pipelines.domain import rows
from iu_pipelines.emit import NewEvent

__all__ = [
    "COUNTED_EVENTS",
    "IU_DOMAIN",
    "Event",
    "NewEvent",
    "Overview",
    "TypeCount",
    "counts_by_type",
    "emit",
    "emit_many",
    "events_per_second",
    "newest",
    "overview",
]

_SQL: Final = Statements(__name__)

IU_DOMAIN: Final = "iu"
COUNTED_EVENTS: Final = 100_000


@dataclass(frozen=True)
class Event:
    """One event: a row of the append-only table `event_outbox`."""

    emitted_xid: Annotated[int, "xid8", "the id of the transaction that emitted the event"]
    event_seq: Annotated[int, "ascending in the order of emission"]
    created_at: Annotated[datetime, "when the row was written"]
    event_id: Annotated[UUID, "a UUIDv7, so ids increase with time"]
    event_type: Annotated[str, "a type of event_type_registry"]
    event_domain: Annotated[str, "the domain of the event; a worker reads one domain"]
    event_subject_ref: Annotated[UUID | None, "the UUID of the subject"]
    event_stream: Annotated[str | None, "from event_type_registry"]
    delivery_lane: Annotated[str | None, "from event_type_registry"]
    canonical_address: Annotated[str | None, "the address of the subject"]
    event_subject_table: Annotated[str | None, "the table of the subject"]
    actor_ref: Annotated[str | None, "who caused the event"]
    payload_classification: Annotated[str, "safe_metadata"]
    safe_payload: Annotated[dict[str, Any], "references and counts only"]


@dataclass(frozen=True)
class TypeCount:
    """The number of events of one type in one domain, and the time of the newest one."""

    event_domain: str
    event_type: str
    events: int
    newest_at: datetime


@dataclass(frozen=True)
class Overview:
    """The newest events of one or more domains, counted by type, most frequent type of a domain first.

    At most `counted` events of each domain were counted; `capped` is true if a domain has as many.
    """

    by_type: tuple[TypeCount, ...]
    events: int
    capped: bool
    counted: int


def emit(
    gateway: Queries,
    event_type: str | None,
    canonical_address: str | None,
    subject_ref: UUID | None,
    actor_ref: str | None,
    safe_payload: Any,
) -> UUID:
    """Emit one event and return its id.

    Raises:
        UnknownEventType: the type is not registered, or is disabled.
        PayloadInvalid: the payload is not a JSON object, is too large, or has a key that is not allowed.
        PayloadNotRefsOnly: the payload contains a body, a secret or a vector.
        ArgumentInvalid: a required argument is null, empty or malformed.
    """
    steps = emission.one_event(event_type, canonical_address, subject_ref, actor_ref, safe_payload)
    return emission.carry_out(steps, _runner(gateway))


def emit_many(gateway: Queries, events: Iterable[NewEvent]) -> list[UUID]:
    """Emit all of `events` or none, and return their ids in the same order.

    Raises:
        UnknownEventType, PayloadInvalid, PayloadNotRefsOnly, ArgumentInvalid: as `emit` does.
    """
    if isinstance(gateway, Gateway):
        with gateway.transaction() as session:
            return emit_many(session, events)
    return emission.carry_out(emission.many_events(events), _runner(gateway))


def _runner(gateway: Queries) -> Callable[[str, Parameters], list[Row]]:
    """Return the function that runs one statement of an emission on `gateway`."""

    def run(statement: str, parameters: Parameters) -> list[Row]:
        if not returns_rows(statement):
            gateway.execute(statement, parameters)
            return []
        return [tuple(row.values()) for row in gateway.fetch_all(statement, parameters)]

    return run


def counts_by_type(
    gateway: Queries, newest: int = COUNTED_EVENTS, domain: str = IU_DOMAIN
) -> list[TypeCount]:
    """Count the newest `newest` events of a domain by type, most frequent type first."""
    found = gateway.fetch_all(_SQL["counts_by_type"], {"event_domain": domain, "newest": newest})
    return [rows.read(TypeCount, row) for row in found]


def overview(
    gateway: Queries, domains: Sequence[str] = (IU_DOMAIN,), newest: int = COUNTED_EVENTS
) -> Overview:
    """Return the counts by type of the newest events. It reads `newest` events of each domain."""
    counts = [counts_by_type(gateway, newest, domain) for domain in domains]
    events = [sum(count.events for count in found) for found in counts]
    return Overview(
        by_type=tuple(count for found in counts for count in found),
        events=sum(events),
        capped=any(number >= newest for number in events),
        counted=newest,
    )


def newest(gateway: Queries, domain: str = IU_DOMAIN) -> UUID | None:
    """Return the id of the event of a domain with the highest `event_seq`, or None if it has no event."""
    found: UUID | None = gateway.fetch_value(_SQL["newest"], {"event_domain": domain})
    return found


def events_per_second(gateway: Queries, domains: Sequence[str] = (IU_DOMAIN,), seconds: int = 60) -> float:
    """Return events per second over the last `seconds`, counting at most COUNTED_EVENTS of each domain."""
    counts: list[int] = [
        gateway.fetch_value(
            _SQL["recent_events"], {"seconds": seconds, "event_domain": domain, "newest": COUNTED_EVENTS}
        )
        for domain in domains
    ]
    return sum(counts) / seconds

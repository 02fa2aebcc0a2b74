"""The outbox: the append-only table of events, and the functions that emit events into it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from iu_pipelines.db.queries import Queries
from iu_pipelines.db.statements import Statements
from iu_pipelines.domain import rows
from iu_pipelines.errors import PayloadInvalid, StatementFailed

_SQL: Final = Statements(__name__)

IU_DOMAIN: Final = "iu"
COUNTED_EVENTS: Final = 100_000

_NOT_JSONB: Final = frozenset({"22P02", "22P05", "22003", "54001"})


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
class NewEvent:
    """An event to emit; the payload contains references and counts, never content."""

    event_type: str
    canonical_address: str
    subject_ref: UUID
    actor_ref: str
    safe_payload: dict[str, Any]


@dataclass(frozen=True)
class TypeCount:
    """The number of events of one type, and the time of the newest one."""

    event_type: str
    events: int
    newest_at: datetime


@dataclass(frozen=True)
class Overview:
    """The newest events of one or more domains, counted by type, most frequent type of a domain first.

    `capped` is true if a domain has more than COUNTED_EVENTS events.
    """

    by_type: tuple[TypeCount, ...]
    events: int
    capped: bool


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
    with _json_errors_translated():
        event_id: UUID = gateway.fetch_value(
            _SQL["emit"],
            {
                "event_type": event_type,
                "canonical_address": canonical_address,
                "subject_ref": subject_ref,
                "actor_ref": actor_ref,
                "safe_payload": json.dumps(safe_payload),
            },
        )
    return event_id


def subject(gateway: Queries, source_table: str, source_key: Sequence[str]) -> UUID:
    """Return the subject of a row: the key itself if it is a uuid, else the UUIDv8 of the table and the key.

    `source_table` is schema.table; `source_key` has the values of the primary key as text, in its order.

    Raises:
        ArgumentInvalid: the table has no schema, or a key is empty.
    """
    found: UUID = gateway.fetch_value(
        _SQL["subject"], {"source_table": source_table, "source_key": list(source_key)}
    )
    return found


def emit_many(gateway: Queries, events: Iterable[NewEvent]) -> list[UUID]:
    """Emit all of `events` or none, and return their ids in the same order.

    Raises:
        UnknownEventType, PayloadInvalid, PayloadNotRefsOnly, ArgumentInvalid: as `emit` does.
    """
    with _json_errors_translated():
        array = json.dumps([asdict(event) for event in events], default=str)
        emitted = gateway.fetch_all(_SQL["emit_many"], {"events": array})
    return [row["event_id"] for row in emitted]


@contextmanager
def _json_errors_translated() -> Iterator[None]:
    """Raise PayloadInvalid for values that Python can serialise but jsonb rejects, such as NaN."""
    try:
        yield
    except RecursionError:
        raise PayloadInvalid("the payload is nested too deeply", hint="Send references and counts.") from None
    except StatementFailed as error:
        if error.code not in _NOT_JSONB:
            raise
        raise PayloadInvalid(
            f"the payload is not valid jsonb: {error.message}",
            hint="Remove NUL characters, unpaired surrogates, NaN, Infinity and numbers out of range.",
        ) from error


def counts_by_type(
    gateway: Queries, newest: int = COUNTED_EVENTS, domain: str = IU_DOMAIN
) -> list[TypeCount]:
    """Count the newest `newest` events of a domain by type, most frequent type first."""
    found = gateway.fetch_all(_SQL["counts_by_type"], {"event_domain": domain, "newest": newest})
    return [rows.read(TypeCount, row) for row in found]


def overview(gateway: Queries, domains: Sequence[str] = (IU_DOMAIN,)) -> Overview:
    """Return the counts by type of the newest events. It reads COUNTED_EVENTS + 1 events of each domain."""
    counts = [counts_by_type(gateway, COUNTED_EVENTS + 1, domain) for domain in domains]
    events = [sum(count.events for count in found) for found in counts]
    return Overview(
        by_type=tuple(count for found in counts for count in found),
        events=sum(events),
        capped=any(number > COUNTED_EVENTS for number in events),
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

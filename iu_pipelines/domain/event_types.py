"""Event types: the rows of `event_type_registry`. Only events of a registered type can be emitted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from iu_pipelines.db.queries import Queries
from iu_pipelines.db.statements import Statements
from iu_pipelines.domain import rows
from iu_pipelines.domain.similar import similar_names
from iu_pipelines.errors import ArgumentInvalid

_SQL: Final = Statements(__name__)

COUNTED_WAITING: Final = 10_000
SEARCHED: Final = 10_000


@dataclass(frozen=True, kw_only=True)
class EventType:
    """One registered event type, or one to register.

    `payload_keys` lists the permitted top-level keys. If it is None, every key that is not forbidden is
    permitted.
    """

    event_type: str
    event_domain: str = "iu"
    event_stream: str = "update"
    delivery_lane: str = "immediate"
    payload_classification: str = "safe_metadata"
    event_subject_table: str = "information_unit"
    payload_keys: list[str] | None
    enabled: bool = True


@dataclass(frozen=True)
class EventTypeUse:
    """What depends on an event type.

    `refusing_captures` are those whose statements on the source table fail while the type is disabled: they
    emit, and their `on_error` is `refuse`. `waiting` counts the events of the type that a worker of its
    domain has not read, up to COUNTED_WAITING.
    """

    routes: list[str]
    enabled_routes: list[str]
    captures: list[str]
    refusing_captures: list[str]
    waiting: int
    domain_is_read: bool


def list_types(gateway: Queries) -> list[EventType]:
    """Return every registered type in alphabetical order."""
    return [rows.read(EventType, row) for row in gateway.fetch_all(_SQL["list_types"])]


def get(gateway: Queries, event_type: str) -> EventType | None:
    """Return one type, or None if it is not registered."""
    return _found(gateway, "get", {"event_type": event_type})


def require(gateway: Queries, event_type: str) -> None:
    """Raise ArgumentInvalid if a type is not registered, and none of the newest 10,000 events has it."""
    row = gateway.fetch_one(_SQL["names"], {"event_type": event_type, "window": SEARCHED}) or {}
    if not row["is_known"]:
        raise ArgumentInvalid(
            f"no such event type: {event_type!r}", hint=similar_names("types", event_type, row["names"])
        )


def require_domain(gateway: Queries, domain: str) -> None:
    """Raise ArgumentInvalid if no event type, no worker and no event has a domain."""
    row = gateway.fetch_one(_SQL["domains"], {"domain": domain}) or {}
    if not row["is_known"]:
        raise ArgumentInvalid(
            f"no such domain: {domain!r}", hint=similar_names("domains", domain, row["names"])
        )


def add(gateway: Queries, wanted: EventType) -> EventType | None:
    """Register a type and return it, or None if a type of this name is registered.

    Raises:
        ArgumentInvalid: a name, the domain, the stream, the lane or a payload key is malformed.
    """
    return _found(gateway, "add", vars(wanted))


def change(gateway: Queries, wanted: EventType) -> EventType | None:
    """Set every column of a type and return it, or None if it is not registered.

    Raises:
        ArgumentInvalid: a value is malformed, or the domain changes while events of the type wait.
    """
    return _found(gateway, "change", vars(wanted))


def remove(gateway: Queries, event_type: str) -> EventType | None:
    """Remove a type and return it, or None if it is not registered. Its events stay in the outbox.

    Raises:
        ArgumentInvalid: a route or a capture refers to the type.
    """
    return _found(gateway, "remove", {"event_type": event_type})


def set_enabled(gateway: Queries, event_type: str, enabled: bool) -> EventType | None:
    """Enable or disable one type and return it, or None if it is not registered."""
    return _found(gateway, "set_enabled", {"event_type": event_type, "enabled": enabled})


def uses(gateway: Queries, event_type: str) -> EventTypeUse:
    """Return the routes and captures that refer to a type, and the number of its events that wait."""
    answer = gateway.fetch_one(_SQL["uses"], {"event_type": event_type, "cap": COUNTED_WAITING})
    return rows.read(EventTypeUse, answer)


def domain_warning(found: EventType, use: EventTypeUse) -> str | None:
    """Return a warning if no worker reads the domain of a type, else None."""
    if use.domain_is_read:
        return None
    domain = found.event_domain
    return (
        f"no worker reads the domain {domain!r}, so events of {found.event_type} wait. "
        f"Add a worker: iu worker add NAME --domain {domain}"
    )


def _found(gateway: Queries, statement: str, params: Mapping[str, object]) -> EventType | None:
    row = gateway.fetch_one(_SQL[statement], params)
    return None if row is None else rows.read(EventType, row)

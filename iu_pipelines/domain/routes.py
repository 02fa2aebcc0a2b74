"""Outbound routes: the rows of `iu_outbound_route`, which map event types to targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from iu_pipelines.db.queries import Queries
from iu_pipelines.db.statements import Statements
from iu_pipelines.domain import rows

_SQL: Final = Statements(__name__)


@dataclass(frozen=True)
class Route:
    """One outbound route. `dry_run` is always true: a check constraint requires it."""

    route_code: Annotated[str, "the route"]
    event_type: Annotated[str, "the type of the events that it applies to"]
    enabled: Annotated[bool, "whether events of the type are attempted"]
    dry_run: Annotated[bool, "always true: attempts are recorded and nothing is sent"]
    target_kind: Annotated[str, "the kind of the target"]
    target_ref: Annotated[str, "the target"]


def list_routes(gateway: Queries) -> list[Route]:
    """Return every outbound route in alphabetical order."""
    return [rows.read(Route, row) for row in gateway.fetch_all(_SQL["list_routes"])]


def set_enabled(gateway: Queries, route_code: str, enabled: bool) -> Route | None:
    """Enable or disable one route and return it, or None if there is no such route."""
    row = gateway.fetch_one(_SQL["set_enabled"], {"enabled": enabled, "route_code": route_code})
    return None if row is None else rows.read(Route, row)


def add(
    gateway: Queries,
    route_code: str,
    event_type: str,
    target_kind: str,
    target_ref: str,
    *,
    enabled: bool = False,
) -> Route | None:
    """Add one dry-run route and return it, or None if the code is in use."""
    row = gateway.fetch_one(
        _SQL["add"],
        {
            "route_code": route_code,
            "event_type": event_type,
            "enabled": enabled,
            "target_kind": target_kind,
            "target_ref": target_ref,
        },
    )
    return None if row is None else rows.read(Route, row)

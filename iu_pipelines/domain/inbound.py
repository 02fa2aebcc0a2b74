"""Inbound routes, which convert inserted rows into events, and the captures that they record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from iu_pipelines.db.queries import Queries
from iu_pipelines.db.statements import Statements
from iu_pipelines.domain import rows

_SQL: Final = Statements(__name__)


@dataclass(frozen=True)
class SqlLink:
    """One row of `iu_sql_link`: a unit describes a database object.

    `iu migrate` installs one inbound route, whose source table is this one.
    """

    link_id: Annotated[UUID, "the link"]
    unit_id: Annotated[UUID | None, "the unit that the link belongs to"]
    sql_object_ref: Annotated[str, "the name of the linked database object"]
    link_kind: Annotated[str, "the kind of the link"]
    actor_ref: Annotated[str, "who created the link"]
    created_at: Annotated[datetime, "when the row was written"]


@dataclass(frozen=True)
class InboundRoute:
    """One inbound route, which maps the operation `source_op` on `source_table` to an event type."""

    route_code: str
    source_table: str
    source_op: str
    target_event_type: str
    enabled: bool
    dry_run: bool


@dataclass(frozen=True)
class Capture:
    """One capture. `event_id` is None if no event was emitted."""

    route_code: str
    source_table: str
    source_op: str
    source_ref: UUID
    decision: str
    event_id: UUID | None
    captured_at: datetime


def list_routes(gateway: Queries) -> list[InboundRoute]:
    """Return every inbound route in alphabetical order."""
    return [rows.read(InboundRoute, row) for row in gateway.fetch_all(_SQL["list_routes"])]


def set_enabled(
    gateway: Queries, route_code: str, enabled: bool, *, emits: bool | None = None
) -> InboundRoute | None:
    """Enable or disable one route and return it, or None if there is no such route.

    `emits` sets whether the route emits events (true) or only records captures (false, a dry run). None keeps
    the present state.
    """
    row = gateway.fetch_one(
        _SQL["set_enabled"], {"enabled": enabled, "emits": emits, "route_code": route_code}
    )
    return None if row is None else rows.read(InboundRoute, row)


def captures(gateway: Queries, limit: int = 20) -> list[Capture]:
    """Return up to `limit` captures, newest first."""
    found = gateway.fetch_all(_SQL["captures"], {"max_rows": limit})
    return [rows.read(Capture, row) for row in found]


def rows_inserted(gateway: Queries, table: str) -> int:
    """Return the number of rows inserted into `table` since the server's statistics were last reset.

    The number comes from the statistics and costs the same for every table size. It also counts rows of
    transactions that were rolled back.
    """
    count: int = gateway.fetch_value(_SQL["rows_inserted"], {"table_name": f"public.{table}"})
    return count

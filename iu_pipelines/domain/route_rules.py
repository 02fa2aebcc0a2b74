"""Rules: why a route matched an event when a worker read it, or what it will do when one does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from typing import Final

from iu_pipelines.db.queries import Queries
from iu_pipelines.db.statements import Statements
from iu_pipelines.domain import rows
from iu_pipelines.domain.times import shown

_SQL: Final = Statements(__name__)


@dataclass(frozen=True)
class RouteVersion:
    """One state of a route: a row of `iu_outbound_route_version`, which is append-only."""

    route_version: int
    route_code: str
    event_type: str
    enabled: bool
    dry_run: bool
    target_kind: str
    target_ref: str
    recorded_at: datetime
    recorded_by: str


@dataclass(frozen=True)
class RouteRule:
    """Why a route matched an event, or did not. `rule` is one clause.

    `read_at` is when the worker read the event; None if it did not. Then `matched` and `version` are those of
    now, otherwise those of that time. `version` is None if the route did not exist.
    """

    worker_name: str
    route_code: str
    read_at: datetime | None
    matched: bool
    rule: str
    version: RouteVersion | None


def versions(gateway: Queries, route_codes: Sequence[str]) -> dict[str, list[RouteVersion]]:
    """Return the newest 1,000 states of each route, newest first."""
    found: dict[str, list[RouteVersion]] = {code: [] for code in route_codes}
    for row in gateway.fetch_all(_SQL["versions"], {"route_codes": list(route_codes)}):
        version = rows.read(RouteVersion, row)
        found[version.route_code].append(version)
    return found


def rule(
    worker_name: str,
    event_type: str,
    route_code: str,
    known: Mapping[str, Sequence[RouteVersion]],
    read_at: datetime | None,
) -> RouteRule:
    """Return the rule of one route for one worker, from the states of the routes."""
    past = [one for one in known[route_code] if read_at is None or one.recorded_at <= read_at]
    if not past:
        return RouteRule(worker_name, route_code, read_at, False, "it did not exist yet", None)
    newest = past[0]
    matched = newest.enabled and newest.event_type == event_type
    return RouteRule(worker_name, route_code, read_at, matched, _words(past, event_type), newest)


def _words(past: Sequence[RouteVersion], event_type: str) -> str:
    """Return the clause for the newest of some states, with the time from which it held."""
    newest = past[0]
    if newest.event_type != event_type:
        since = [*takewhile(lambda one: one.event_type != event_type, past)][-1]
        return f"of type {newest.event_type} since {_by(since)}"
    since = [*takewhile(lambda one: (one.enabled, one.event_type) == (newest.enabled, event_type), past)][-1]
    if newest.enabled:
        return f"type {event_type}, enabled since {_by(since)}"
    return f"disabled since {_by(since)}"


def _by(version: RouteVersion) -> str:
    return f"{shown(version.recorded_at)} by {version.recorded_by}"

"""The outbound routes as an observable asset: which event type goes to which target."""

from __future__ import annotations

import hashlib
from typing import Final

import dagster as dg

from iu_pipelines.db.queries import Queries
from iu_pipelines.defs.kit.asset_metadata import table
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.sources import Seen, Source
from iu_pipelines.domain import routes
from iu_pipelines.domain.routes import Route


def definitions(mount: Mount) -> dg.Definitions:
    """Return the asset of the outbound routes."""
    return dg.Definitions(assets=[ROUTES.asset(mount)])


def _seen(gateway: Queries, _mount: Mount) -> Seen:
    found = routes.list_routes(gateway)
    return Seen(
        hashlib.sha256(repr(found).encode()).hexdigest()[:16],
        {
            "routes": len(found),
            "enabled": sum(route.enabled for route in found),
            "live": sum(not route.dry_run for route in found),
            "by_target": table(
                ["event type", "route", "target", "state"],
                [[route.event_type, route.route_code, _target(route), _state(route)] for route in found],
            ),
        },
    )


def _target(route: Route) -> str:
    return f"{route.target_kind}: {route.target_ref}"


def _state(route: Route) -> str:
    if not route.enabled:
        return "disabled"
    return "dry run" if route.dry_run else "live"


ROUTES: Final = Source(
    table="iu_outbound_route",
    row=Route,
    description="Outbound routes: the targets of each event type. Every route is a dry run.",
    sql_files=("runtime/040_routes.sql",),
    look=_seen,
)

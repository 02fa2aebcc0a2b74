"""Outbound routes: which event type goes to which target, always as a dry run.

Stands on ``iu_outbound_route``.
"""

from __future__ import annotations

from dataclasses import dataclass

from iu_pipelines.db.queries import Queries


@dataclass(frozen=True)
class Route:
    """One outbound route; a named CHECK keeps ``dry_run`` true."""

    route_code: str
    event_type: str
    enabled: bool
    dry_run: bool
    target_kind: str
    target_ref: str


def list_routes(gateway: Queries) -> list[Route]:
    """Return every outbound route in alphabetical order."""
    rows = gateway.fetch_all(
        """select route_code, event_type, enabled, dry_run, target_kind, target_ref
             from public.iu_outbound_route
            order by route_code"""
    )
    return [Route(**row) for row in rows]


def set_enabled(gateway: Queries, route_code: str, enabled: bool) -> Route | None:
    """Enable or disable one route and return it; None when there is no such route."""
    row = gateway.fetch_one(
        """update public.iu_outbound_route
              set enabled = %s
            where route_code = %s
        returning route_code, event_type, enabled, dry_run, target_kind, target_ref""",
        (enabled, route_code),
    )
    return None if row is None else Route(**row)


def add(
    gateway: Queries,
    route_code: str,
    event_type: str,
    target_kind: str,
    target_ref: str,
    *,
    enabled: bool = False,
) -> Route | None:
    """Add one dry-run route and return it; None when the code is taken."""
    row = gateway.fetch_one(
        """insert into public.iu_outbound_route
                  (route_code, event_type, enabled, dry_run, target_kind, target_ref)
           values (%s, %s, %s, true, %s, %s)
               on conflict (route_code) do nothing
        returning route_code, event_type, enabled, dry_run, target_kind, target_ref""",
        (route_code, event_type, enabled, target_kind, target_ref),
    )
    return None if row is None else Route(**row)

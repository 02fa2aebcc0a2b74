"""Outbound routes: the rows of `iu_outbound_route`, which map event types to targets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final

from iu_pipelines.db.queries import Queries
from iu_pipelines.db.statements import Statements
from iu_pipelines.domain import rows
from iu_pipelines.domain.event_types import COUNTED_WAITING
from iu_pipelines.domain.similar import similar_names
from iu_pipelines.errors import ArgumentInvalid

_SQL: Final = Statements(__name__)
_OWN_KIND: Final = re.compile(r"[a-z][a-z0-9_]{0,30}\.[a-z][a-z0-9_]{0,30}")


@dataclass(frozen=True)
class Route:
    """One outbound route. `dry_run` is always true: a check constraint requires it."""

    route_code: Annotated[str, "the route"]
    event_type: Annotated[str, "the type of the events that it applies to"]
    enabled: Annotated[bool, "whether events of the type are attempted"]
    dry_run: Annotated[bool, "always true: attempts are recorded and nothing is sent"]
    target_kind: Annotated[str, "the kind of the target"]
    target_ref: Annotated[str, "the target"]

    def as_new(self) -> NewRoute:
        """Return the columns that `change` sets."""
        return NewRoute(self.route_code, self.event_type, self.target_kind, self.target_ref, self.enabled)


@dataclass(frozen=True)
class NewRoute:
    """A dry-run route to add, or the columns to set of one that exists."""

    route_code: str
    event_type: str
    target_kind: str = "workflow"
    target_ref: str = "event_outbox"
    enabled: bool = False


@dataclass(frozen=True)
class RouteUse:
    """What depends on a route.

    `waiting` counts the events of its type that a worker has not read, up to COUNTED_WAITING.
    `open_letters` counts its open dead letters.
    """

    waiting: int
    open_letters: int


@dataclass(frozen=True)
class TargetKind:
    """One kind of target. `module` is the module that brings it, or None if it is built in.

    `installed` is true for a built-in kind, and for one whose module is installed in the database.
    """

    kind: str
    module: str | None
    description: str
    installed: bool


def list_routes(gateway: Queries) -> list[Route]:
    """Return every outbound route in alphabetical order."""
    return [rows.read(Route, row) for row in gateway.fetch_all(_SQL["list_routes"])]


def get(gateway: Queries, route_code: str) -> Route | None:
    """Return one route, or None if there is no such route."""
    return _found(gateway, "get", {"route_code": route_code})


def require(gateway: Queries, route_code: str) -> None:
    """Raise ArgumentInvalid if there is no such route and never was."""
    row = gateway.fetch_one(_SQL["names"], {"route_code": route_code}) or {}
    if not row["is_known"]:
        raise ArgumentInvalid(
            f"no such route: {route_code!r}", hint=similar_names("routes", route_code, row["names"])
        )


def set_enabled(gateway: Queries, route_code: str, enabled: bool) -> Route | None:
    """Enable or disable one route and return it, or None if there is no such route."""
    given = {"enabled": enabled, "route_code": route_code}
    return _found(gateway, "set_enabled", given) or get(gateway, route_code)


def add(gateway: Queries, wanted: NewRoute) -> Route | None:
    """Add one dry-run route and return it, or None if the code is in use.

    Raises:
        UnknownEventType: the event type is not registered.
        ArgumentInvalid: the code or the reference of the target is malformed.
        TargetUnknown: no such kind of target.
        TargetNotSafe: the reference of the target contains a password or another secret.
    """
    return _found(gateway, "add", vars(wanted))


def change(gateway: Queries, wanted: NewRoute) -> Route | None:
    """Set the type, the target and the state of a route and return it, or None if there is no such route.

    Raises:
        UnknownEventType, ArgumentInvalid, TargetUnknown, TargetNotSafe: as `add` does.
    """
    return _found(gateway, "change", vars(wanted)) or get(gateway, wanted.route_code)


def remove(gateway: Queries, route_code: str) -> Route | None:
    """Remove one route and return it, or None if there is no such route. Its history and attempts stay.

    Raises:
        ArgumentInvalid: the route has open dead letters, which could no longer be replayed.
    """
    letters: int = gateway.fetch_value(_SQL["open_letters"], {"route_code": route_code})
    if letters:
        raise ArgumentInvalid(
            f"route {route_code!r} has {letters} open dead letters",
            hint="Without the route they cannot be replayed. Replay them first, or disable the route: "
            f"iu route disable {route_code}",
        )
    return _found(gateway, "remove", {"route_code": route_code})


def uses(gateway: Queries, route: Route) -> RouteUse:
    """Return the number of events that wait for a route, and of its open dead letters."""
    given = {"route_code": route.route_code, "event_type": route.event_type, "cap": COUNTED_WAITING}
    return rows.read(RouteUse, gateway.fetch_one(_SQL["uses"], given))


def target_kinds(gateway: Queries) -> list[TargetKind]:
    """Return every known kind of target, the built-in kinds first."""
    return [rows.read(TargetKind, row) for row in gateway.fetch_all(_SQL["target_kinds"])]


def is_own_kind(target_kind: str) -> bool:
    """Return whether a kind is named as that of a distribution of others, such as `acme.sqs`.

    The module iu-delivery accepts these, as `fn_iu_target_kind_is_own` says.
    """
    return _OWN_KIND.fullmatch(target_kind) is not None


def target_warning(gateway: Queries, target_kind: str) -> str | None:
    """Return a warning if the module of a known kind is not installed, else None."""
    for known in target_kinds(gateway):
        if known.kind == target_kind and not known.installed:
            return (
                f"target kind {target_kind!r} belongs to the module {known.module}, which is not installed: "
                "attempts are recorded as dry runs"
            )
    return None


def _found(gateway: Queries, statement: str, params: Mapping[str, object]) -> Route | None:
    row = gateway.fetch_one(_SQL[statement], params)
    return None if row is None else rows.read(Route, row)

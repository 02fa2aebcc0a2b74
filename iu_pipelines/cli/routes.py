"""`iu route`: list, show, add, change, enable, disable and remove routes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

import typer

from iu_pipelines.cli.command import Answer, add_command, add_group
from iu_pipelines.cli.configuration import counted_events, print_changes
from iu_pipelines.cli.options import OptionalReason, Reason
from iu_pipelines.cli.output import print_facts, print_line, print_table, print_warnings
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.queries import Queries
from iu_pipelines.domain import configuration, deliveries, event_types, inbound, routes, targets
from iu_pipelines.domain.plans.delivery import Ended
from iu_pipelines.domain.routes import NewRoute, Route
from iu_pipelines.errors import ArgumentInvalid, UsageError

RouteCode = Annotated[str, typer.Argument(metavar="CODE", help="A route from iu route list.")]
TargetKind = Annotated[
    str | None,
    typer.Option(metavar="KIND", show_default=False, help="The kind of the target."),
]
TargetRef = Annotated[
    str | None,
    typer.Option(metavar="REF", show_default=False, help="A name, or an address without a secret."),
]


def register(app: typer.Typer) -> None:
    """Add the commands about routes."""
    group = add_group(
        app, "route", "Outbound routes (event type to target) and inbound routes (table change to event)."
    )
    add_command(group, list_all, "list")
    add_command(group, show)
    add_command(group, add, writes=True)
    add_command(group, change, "set", writes=True)
    add_command(group, enable, writes=True)
    add_command(group, disable, writes=True)
    add_command(group, remove, writes=True)


def list_all(gateway: Gateway) -> Answer:
    """Show every route.

    Examples:
        iu route list
    """
    outbound_routes = routes.list_routes(gateway)
    inbound_routes = inbound.list_routes(gateway)

    def show() -> None:
        _print_outbound(outbound_routes)
        _print_inbound(inbound_routes)

    return Answer({"outbound": outbound_routes, "inbound": inbound_routes}, show)


def _print_outbound(found: Sequence[Route]) -> None:
    print_table(
        "Outbound routes",
        ("route", "event type", "enabled", "dry run", "target"),
        [
            (
                route.route_code,
                route.event_type,
                route.enabled,
                route.dry_run,
                f"{route.target_kind}:{route.target_ref}",
            )
            for route in found
        ],
        empty="none",
    )


def _print_inbound(found: Sequence[inbound.InboundRoute]) -> None:
    print_table(
        "Inbound routes",
        ("route", "change", "event type", "enabled", "dry run"),
        [
            (
                route.route_code,
                f"{route.source_op} of {route.source_table}",
                route.target_event_type,
                route.enabled,
                route.dry_run,
            )
            for route in found
        ],
        empty="none",
    )


def show(gateway: Gateway, code: RouteCode) -> Answer:
    """Show one outbound route: its target, the events that wait, open dead letters, and newest changes.

    Examples:
        iu route show shop.order_paid.hook
    """
    with gateway.transaction() as session:
        route = _outbound(session, code)
        use = routes.uses(session, route)
        warnings = _warnings(session, route)
        changes = configuration.history(session, configuration.ROUTE, code, limit=10)

    def print_all() -> None:
        print_facts(
            {
                "route": code,
                "event type": route.event_type,
                "target": f"{route.target_kind}:{route.target_ref}",
                "state": _state(route),
                "waiting": counted_events(use.waiting),
                "open letters": use.open_letters,
            }
        )
        print_changes(changes)
        print_warnings(warnings)

    return Answer({**vars(route), **vars(use), "history": changes, "warnings": warnings}, print_all)


def add(
    gateway: Gateway,
    code: Annotated[str, typer.Argument(metavar="CODE", help="Lower-case letters, digits, dots and dashes.")],
    event_type: Annotated[str, typer.Argument(help="A registered event type, from iu type list.")],
    target_kind: Annotated[str, typer.Option(help="The kind of the target.")] = "workflow",
    target_ref: Annotated[
        str, typer.Option(help="The target: a name, or an address without a secret.")
    ] = "event_outbox",
    enabled: Annotated[bool, typer.Option("--enabled", help="Enable the new route.")] = False,
    reason: OptionalReason = None,
) -> Answer:
    """Add one outbound route, which is always a dry run.

    Examples:
        iu route add shop.order_paid.hook order_paid --target-kind webhook --target-ref shop-hook --enabled
            --reason "billing wants it"
    """
    wanted = NewRoute(code, event_type, target_kind, target_ref, enabled)
    with gateway.transaction() as session:
        configuration.give_reason(session, reason)
        route = routes.add(session, wanted)
        if route is None:
            raise ArgumentInvalid(
                f"route {code!r} already exists", hint=f"Change it with: iu route set {code}"
            )
        warnings = _warnings(session, route)
    return _answer(route, code, warnings)


def change(
    gateway: Gateway,
    code: RouteCode,
    event_type: Annotated[
        str | None, typer.Option(metavar="TYPE", show_default=False, help="A registered event type.")
    ] = None,
    target_kind: TargetKind = None,
    target_ref: TargetRef = None,
    reason: OptionalReason = None,
) -> Answer:
    """Change the event type or the target of one outbound route. What is not given stays as it is.

    Examples:
        iu route set shop.order_paid.hook --target-ref billing-hook --reason "billing has its own receiver"
    """
    given = {"event_type": event_type, "target_kind": target_kind, "target_ref": target_ref}
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if not changes:
        raise UsageError(
            "nothing to change", hint="Give one of --event-type, --target-kind and --target-ref."
        )
    with gateway.transaction() as session:
        configuration.give_reason(session, reason)
        ended = Ended(session)
        wanted = replace(_outbound(session, code).as_new(), **changes)
        routes.change(session, wanted)
        route = _outbound(session, code)
        warnings = [*_warnings(session, route), *ended.warnings(code)]
    return _answer(route, code, warnings)


def enable(
    gateway: Gateway,
    code: RouteCode,
    emits: Annotated[
        bool | None,
        typer.Option(
            "--emit/--capture-only",
            show_default=False,
            help="For an inbound route: emit events, or only record captures; default: unchanged.",
        ),
    ] = None,
    reason: OptionalReason = None,
) -> Answer:
    """Enable one route.

    Examples:
        iu route enable shop.order_paid.hook
        iu route enable iu_sql.iu_sql_link.insert --emit
    """
    with gateway.transaction() as session:
        configuration.give_reason(session, reason)
        ended = Ended(session)
        outbound = None if emits is not None else routes.set_enabled(session, code, True)
        route = outbound or inbound.set_enabled(session, code, True, emits=emits)
        warnings = ended.warnings(code)
    if route is None and emits is not None:
        raise ArgumentInvalid(
            f"no such inbound route: {code!r}",
            hint="Choose one from: iu route list. An outbound route is always a dry run.",
        )
    return _answer(route, code, warnings)


def disable(gateway: Gateway, code: RouteCode, reason: OptionalReason = None) -> Answer:
    """Disable one route. An event without an enabled outbound route gets the decision `skipped`.

    Examples:
        iu route disable shop.order_paid.hook --reason "billing is down"
    """
    with gateway.transaction() as session:
        configuration.give_reason(session, reason)
        ended = Ended(session)
        route = routes.set_enabled(session, code, False) or inbound.set_enabled(session, code, False)
        warnings = ended.warnings(code)
    return _answer(route, code, warnings)


def remove(gateway: Gateway, code: RouteCode, reason: Reason) -> Answer:
    """Remove one outbound route without open dead letters. Its attempts and its history stay.

    Examples:
        iu route remove shop.order_paid.hook --reason "billing is gone"
    """
    with gateway.transaction() as session:
        configuration.give_reason(session, reason)
        ended = Ended(session)
        route = _outbound(session, code)
        use = routes.uses(session, route)
        routes.remove(session, code)
        others = event_types.uses(session, route.event_type).enabled_routes
        warnings = ended.warnings()
    if use.waiting:
        decision = "attempted by other routes only" if others else "will get the decision skipped"
        warnings.append(f"waiting, and {decision}: {counted_events(use.waiting)} of {route.event_type}")

    def print_all() -> None:
        print_line(f"{code}: removed")
        print_warnings(warnings)

    return Answer({**vars(route), **vars(use), "warnings": warnings}, print_all)


def _outbound(session: Queries, code: str) -> Route:
    route = routes.get(session, code)
    if route is None:
        raise ArgumentInvalid(f"no such outbound route: {code!r}", hint="Choose one from: iu route list")
    return route


def _warnings(session: Queries, route: Route) -> list[str]:
    found = event_types.get(session, route.event_type)
    if found is None:
        raise AssertionError(f"unreachable: a foreign key keeps {route.event_type}")
    return [
        warning
        for warning in (
            routes.target_warning(session, route.target_kind) or _target_warning(session, route),
            event_types.domain_warning(found, event_types.uses(session, found.event_type)),
            None if found.enabled else f"the event type {found.event_type!r} is disabled",
        )
        if warning
    ]


def _target_warning(session: Queries, route: Route) -> str | None:
    """Return what is wrong with the target of a route whose kind is that of targets of live delivery."""
    kinds = {known.kind for known in routes.target_kinds(session) if known.module == targets.MODULE}
    if not (route.target_kind in kinds or routes.is_own_kind(route.target_kind)):
        return None
    if not deliveries.is_installed(session):
        return None
    return targets.warning_of_route(session, route.target_kind, route.target_ref)


def _state(route: Route | inbound.InboundRoute) -> str:
    mode = "dry run" if route.dry_run else "emits"
    return f"enabled, {mode}" if route.enabled else "disabled"


def _answer(route: Route | inbound.InboundRoute | None, code: str, warnings: Sequence[str] = ()) -> Answer:
    if route is None:
        raise ArgumentInvalid(f"no such route: {code!r}", hint="Choose one from: iu route list")

    def print_all() -> None:
        print_line(f"{code}: {_state(route)}")
        print_warnings(warnings)

    return Answer({**vars(route), "warnings": list(warnings)}, print_all)

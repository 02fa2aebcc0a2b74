"""`iu route`: list, enable, disable and add routes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from iu_pipelines.cli.command import Answer, add_command
from iu_pipelines.cli.output import print_line, print_table
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import inbound, routes
from iu_pipelines.errors import ArgumentInvalid, StatementFailed

RouteCode = Annotated[str, typer.Argument(metavar="CODE", help="A route from iu route list.")]


def register(app: typer.Typer) -> None:
    """Add the commands about routes."""
    group = typer.Typer(
        no_args_is_help=True,
        help="Outbound routes (event type to target) and inbound routes (table change to event).",
    )
    add_command(group, list_all, "list")
    add_command(group, enable)
    add_command(group, disable)
    add_command(group, add)
    app.add_typer(group, name="route")


def list_all(gateway: Gateway) -> Answer:
    """Show every route."""
    outbound_routes = routes.list_routes(gateway)
    inbound_routes = inbound.list_routes(gateway)

    def show() -> None:
        _print_outbound(outbound_routes)
        _print_inbound(inbound_routes)

    return Answer({"outbound": outbound_routes, "inbound": inbound_routes}, show)


def _print_outbound(found: Sequence[routes.Route]) -> None:
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
) -> Answer:
    """Enable one route."""
    outbound = None if emits is not None else routes.set_enabled(gateway, code, True)
    route = outbound or inbound.set_enabled(gateway, code, True, emits=emits)
    if route is None and emits is not None:
        raise ArgumentInvalid(
            f"no such inbound route: {code!r}",
            hint="Choose one from: iu route list. An outbound route is always a dry run.",
        )
    return _answer(route, code)


def disable(gateway: Gateway, code: RouteCode) -> Answer:
    """Disable one route. An event without an enabled outbound route gets the decision `skipped`."""
    route = routes.set_enabled(gateway, code, False) or inbound.set_enabled(gateway, code, False)
    return _answer(route, code)


def add(
    gateway: Gateway,
    code: Annotated[str, typer.Argument(metavar="CODE", help="Lower-case letters, digits, dots and dashes.")],
    event_type: Annotated[str, typer.Argument(help="A registered event type, from iu types.")],
    target_kind: Annotated[str, typer.Option(help="The kind of the target.")] = "workflow",
    target_ref: Annotated[str, typer.Option(help="The reference of the target.")] = "event_outbox",
    enabled: Annotated[bool, typer.Option("--enabled", help="Enable the new route.")] = False,
) -> Answer:
    """Add one outbound route, which is always a dry run."""
    try:
        route = routes.add(gateway, code, event_type, target_kind, target_ref, enabled=enabled)
    except StatementFailed as error:
        error.hint = (
            "CODE has lower-case letters, digits, dots and dashes. List the registered types with: iu types"
        )
        raise
    if route is None:
        raise ArgumentInvalid(
            f"route {code!r} already exists", hint="Choose a code that is not in: iu route list"
        )
    return _answer(route, code)


def _answer(route: routes.Route | inbound.InboundRoute | None, code: str) -> Answer:
    if route is None:
        raise ArgumentInvalid(f"no such route: {code!r}", hint="Choose one from: iu route list")
    mode = "dry run" if route.dry_run else "emits"
    state = f"enabled, {mode}" if route.enabled else "disabled"
    return Answer(route, lambda: print_line(f"{code}: {state}"))

"""``iu route``: outbound and inbound routes."""

from __future__ import annotations

from typing import Annotated

import typer

from iu_pipelines.cli.connection import connect
from iu_pipelines.cli.options import AsJson, DatabaseUrl
from iu_pipelines.cli.output import print_json, print_line, print_table
from iu_pipelines.domain import inbound, routes
from iu_pipelines.errors import ArgumentInvalid, StatementFailed

RouteCode = Annotated[str, typer.Argument(metavar="CODE", help="A route from iu route list.")]


def register(app: typer.Typer) -> None:
    """Add the commands about routes."""
    group = typer.Typer(no_args_is_help=True, help="The routes: event type to target, table change to event.")
    group.command("list")(list_all)
    group.command()(enable)
    group.command()(disable)
    group.command()(add)
    app.add_typer(group, name="route")


def list_all(database_url: DatabaseUrl = None, as_json: AsJson = False) -> None:
    """Show every route."""
    with connect(database_url) as gateway:
        outbound_routes = routes.list_routes(gateway)
        inbound_routes = inbound.list_routes(gateway)
    if as_json:
        print_json({"outbound": outbound_routes, "inbound": inbound_routes})
        return
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
            for route in outbound_routes
        ],
        empty="none",
    )
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
            for route in inbound_routes
        ],
        empty="none",
    )


def enable(
    code: RouteCode,
    emits: Annotated[
        bool | None,
        typer.Option(
            "--emit/--capture-only",
            show_default=False,
            help="An inbound route emits events, or records what it captured alone; else as it was.",
        ),
    ] = None,
    database_url: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Enable one route."""
    with connect(database_url) as gateway:
        outbound = None if emits is not None else routes.set_enabled(gateway, code, True)
        route = outbound or inbound.set_enabled(gateway, code, True, emits=emits)
    if route is None and emits is not None:
        raise ArgumentInvalid(
            f"no such inbound route: {code!r}",
            hint="Choose one from: iu route list. An outbound route is always a dry run.",
        )
    _show(route, code, as_json)


def disable(code: RouteCode, database_url: DatabaseUrl = None, as_json: AsJson = False) -> None:
    """Disable one route: its events are skipped, and the audit says so."""
    with connect(database_url) as gateway:
        route = routes.set_enabled(gateway, code, False) or inbound.set_enabled(gateway, code, False)
    _show(route, code, as_json)


def add(
    code: Annotated[str, typer.Argument(metavar="CODE", help="Its name: lower case, digits, dots, dashes.")],
    event_type: Annotated[str, typer.Argument(help="A registered event type, from iu types.")],
    target_kind: Annotated[str, typer.Option(help="What kind of target it is.")] = "workflow",
    target_ref: Annotated[str, typer.Option(help="Which target it is.")] = "event_outbox",
    enabled: Annotated[bool, typer.Option("--enabled", help="Enable it at once.")] = False,
    database_url: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Add one outbound route; it is always a dry run."""
    with connect(database_url) as gateway:
        try:
            route = routes.add(gateway, code, event_type, target_kind, target_ref, enabled=enabled)
        except StatementFailed as error:
            error.hint = "CODE is lower case letters, digits, dots and dashes; TYPE is one of: iu types"
            raise
    if route is None:
        raise ArgumentInvalid(f"the route {code!r} exists already", hint="Choose another code: iu route list")
    _show(route, code, as_json)


def _show(route: routes.Route | inbound.InboundRoute | None, code: str, as_json: bool) -> None:
    if route is None:
        raise ArgumentInvalid(f"no such route: {code!r}", hint="Choose one from: iu route list")
    if as_json:
        print_json(route)
    else:
        rehearsed = "dry run" if route.dry_run else "emits"
        print_line(f"{route.route_code}: {f'enabled, {rehearsed}' if route.enabled else 'disabled'}")

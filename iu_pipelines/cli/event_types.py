"""`iu type`: register, change, list and disable event types; `iu types` lists them too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from iu_pipelines.cli.command import Answer, add_command, add_group
from iu_pipelines.cli.configuration import counted_events, print_changes
from iu_pipelines.cli.options import OptionalReason, Reason
from iu_pipelines.cli.output import print_facts, print_line, print_table, print_warnings
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import configuration, event_types
from iu_pipelines.domain.event_types import EventType, EventTypeUse
from iu_pipelines.domain.plans.delivery import Ended
from iu_pipelines.errors import ArgumentInvalid, UsageError

Name = Annotated[str, typer.Argument(metavar="NAME", help="An event type, from iu type list.")]


def register(app: typer.Typer) -> None:
    """Add the commands about event types."""
    group = add_group(app, "type", "Event types: which events may be emitted.")
    add_command(group, add, writes=True)
    add_command(group, show)
    add_command(group, list_all, "list")
    add_command(group, enable, writes=True)
    add_command(group, disable, writes=True)
    add_command(app, list_all, "types")


def add(
    gateway: Gateway,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Lower-case letters, digits, _ and dots.")],
    payload_key: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY", show_default=False, help="A permitted key. May be repeated."),
    ] = None,
    any_payload_key: Annotated[
        bool, typer.Option("--any-payload-key", help="Allow every key that is not forbidden.")
    ] = False,
    no_payload_key: Annotated[
        bool, typer.Option("--no-payload-key", help="Allow only the empty payload.")
    ] = False,
    domain: Annotated[str, typer.Option(help="The domain: a worker reads one domain.")] = "iu",
    stream: Annotated[str, typer.Option(help="The stream of the events.")] = "update",
    lane: Annotated[str, typer.Option(help="The delivery lane of the events.")] = "immediate",
    subject_table: Annotated[
        str, typer.Option(metavar="TABLE", help="The table of the subjects.")
    ] = "information_unit",
    reason: OptionalReason = None,
) -> Answer:
    """Register one event type. One of --payload-key, --any-payload-key and --no-payload-key is required.

    Examples:
        iu type add order_paid --payload-key total_cents --subject-table public.orders
            --reason "the shop sells"
        iu type add shop_closed --no-payload-key --domain shop
    """
    if sum((bool(payload_key), any_payload_key, no_payload_key)) != 1:
        raise UsageError(
            "give one of --payload-key, --any-payload-key and --no-payload-key",
            hint=f"For example: iu type add {name} --payload-key total_cents --payload-key item_count",
        )
    wanted = EventType(
        event_type=name,
        event_domain=domain,
        event_stream=stream,
        delivery_lane=lane,
        event_subject_table=subject_table,
        payload_keys=None if any_payload_key else payload_key or [],
    )
    with gateway.transaction() as session:
        configuration.give_reason(session, reason)
        added = event_types.add(session, wanted)
        if added is None:
            raise ArgumentInvalid(
                f"event type {name!r} is registered already", hint=f"See it with: iu type show {name}"
            )
        warnings = _domain_warnings(added, event_types.uses(session, name))
    return _answer(added, warnings)


def show(gateway: Gateway, name: Name) -> Answer:
    """Show one event type: its columns, what uses it, the events that wait, and its newest changes.

    Examples:
        iu type show order_paid
    """
    with gateway.transaction() as session:
        found = event_types.get(session, name)
        if found is None:
            raise _unknown(name)
        use = event_types.uses(session, name)
        changes = configuration.history(session, configuration.EVENT_TYPE, name, limit=10)
    warnings = _domain_warnings(found, use)

    def print_all() -> None:
        print_facts({**_columns(found), **_use_columns(use)})
        print_changes(changes)
        print_warnings(warnings)

    return Answer({**vars(found), **vars(use), "history": changes, "warnings": warnings}, print_all)


def list_all(gateway: Gateway) -> Answer:
    """Show the registered event types.

    Examples:
        iu type list
        iu types --json
    """
    found = event_types.list_types(gateway)
    return Answer(found, lambda: _print_types(found))


def enable(gateway: Gateway, name: Name, reason: OptionalReason = None) -> Answer:
    """Enable one event type, so that events of it can be emitted.

    Examples:
        iu type enable order_paid --reason "the shop is open"
    """
    return _switch(gateway, name, True, reason, _domain_warnings)


def disable(gateway: Gateway, name: Name, reason: Reason) -> Answer:
    """Disable one event type: emitting it is refused. Events that were emitted are still attempted.

    Examples:
        iu type disable order_paid --reason "the shop is closed"
    """
    return _switch(gateway, name, False, reason, _disable_warnings)


def _switch(
    gateway: Gateway,
    name: str,
    enabled: bool,
    reason: str | None,
    warn: Callable[[EventType, EventTypeUse], list[str]],
) -> Answer:
    with gateway.transaction() as session:
        configuration.give_reason(session, reason)
        ended = Ended(session)
        changed = event_types.set_enabled(session, name, enabled)
        if changed is None:
            raise _unknown(name)
        warnings = [*warn(changed, event_types.uses(session, name)), *ended.warnings()]
    return _answer(changed, warnings)


def _disable_warnings(changed: EventType, use: EventTypeUse) -> list[str]:
    warnings = []
    if use.refusing_captures:
        captures = ", ".join(use.refusing_captures)
        warnings.append(
            f"statements on the tables of these captures now fail with IU101: {captures}. "
            "Disable them, or set their on_error to skip_and_count"
        )
    if use.enabled_routes:
        warnings.append(f"these routes get no more events: {', '.join(use.enabled_routes)}")
    if use.waiting:
        warnings.append(f"waiting, and attempted as before: {counted_events(use.waiting)}")
    return warnings


def _domain_warnings(found: EventType, use: EventTypeUse) -> list[str]:
    warning = event_types.domain_warning(found, use)
    return [warning] if warning else []


def _answer(found: EventType, warnings: Sequence[str]) -> Answer:
    def print_all() -> None:
        print_line(f"{found.event_type}: {'enabled' if found.enabled else 'disabled'}")
        print_warnings(warnings)

    return Answer({**vars(found), "warnings": warnings}, print_all)


def _unknown(name: str) -> ArgumentInvalid:
    return ArgumentInvalid(f"no such event type: {name!r}", hint="Choose one from: iu type list")


def _columns(found: EventType) -> dict[str, Any]:
    return {
        "event type": found.event_type,
        "domain": found.event_domain,
        "stream": found.event_stream,
        "lane": found.delivery_lane,
        "classification": found.payload_classification,
        "subject": found.event_subject_table,
        "payload keys": _keys(found),
        "enabled": found.enabled,
    }


def _use_columns(use: EventTypeUse) -> dict[str, Any]:
    return {
        "routes": ", ".join(use.routes) or "none",
        "captures": ", ".join(use.captures) or "none",
        "waiting": counted_events(use.waiting),
    }


def _keys(found: EventType) -> str:
    if found.payload_keys is None:
        return "any allowed"
    return ", ".join(found.payload_keys) or "none"


def _print_types(found: Sequence[EventType]) -> None:
    columns = ("event type", "domain", "stream", "lane", "subject", "payload keys", "enabled")
    rows = [
        (
            item.event_type,
            item.event_domain,
            item.event_stream,
            item.delivery_lane,
            item.event_subject_table,
            _keys(item),
            item.enabled,
        )
        for item in found
    ]
    print_table("Event types", columns, rows, empty="none")

"""`iu gate`: the gates, the other settings, and the history of their changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from iu_pipelines.cli.command import Answer, add_command, add_group
from iu_pipelines.cli.options import Limit
from iu_pipelines.cli.output import duration, print_line, print_table, when
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import deliveries, gates
from iu_pipelines.domain.health import at_least
from iu_pipelines.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add the commands about gates."""
    group = add_group(app, "gate", "Show and set the gates and other settings.")
    add_command(group, show)
    add_command(group, set_value, "set", writes=True)


def show(gateway: Gateway, limit: Limit = 10) -> Answer:
    """Show every gate and setting, and the newest changes.

    Examples:
        iu gate show
    """
    found = gates.list_gates(gateway)
    settings = gates.list_settings(gateway)
    changes = gates.history(gateway, limit=limit)
    return Answer(
        {"gates": found, "settings": settings, "history": changes},
        lambda: _print_all(found, settings, changes),
    )


def _print_all(
    found: Sequence[gates.Gate], settings: Sequence[gates.Setting], changes: Sequence[gates.GateChange]
) -> None:
    print_gates(found)
    rows = [(item.key, item.value, item.description) for item in settings]
    print_table("Settings", ("setting", "value", "meaning"), rows, empty="none")
    print_table(
        "Newest changes",
        ("at", "key", "from", "to", "by", "reason"),
        [
            (item.changed_at, item.key, item.old_value, item.new_value, item.changed_by, item.reason)
            for item in changes
        ],
        empty="none",
    )


def print_gates(found: Sequence[gates.Gate], *, with_meaning: bool = True) -> None:
    """Print the gates as a table, optionally without their values and what they mean."""
    rows: list[tuple[object, ...]] = []
    for gate in found:
        meaning = (gate.value, gate.description) if with_meaning else ()
        state = "open" if gate.is_open else "closed"
        rows.append((gate.key, state, when(gate.updated_at), gate.updated_by, *meaning))
    columns = ("gate", "state", "since", "by", *(("value", "meaning") if with_meaning else ()))
    print_table("Gates", columns, rows, empty="none")


def set_value(
    gateway: Gateway,
    key: Annotated[str, typer.Argument(help="A gate or setting from iu gate show.")],
    value: Annotated[str, typer.Argument(help="true or false for a gate; a setting has its own type.")],
    more: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY VALUE]...", show_default=False, help="More of them, set in the same transaction."
        ),
    ] = None,
    reason: Annotated[
        str | None,
        typer.Option(
            "--reason", show_default=False, help="The reason, which is recorded; not with --preview."
        ),
    ] = None,
    preview: Annotated[
        bool, typer.Option("--preview", help="Change nothing: show which deliveries would go or be held.")
    ] = False,
) -> Answer:
    """Set one gate or setting, or several, and record the reason.

    Examples:
        iu gate set iu_core.routes_enabled false --reason maintenance
        iu gate set iu_core.delivery_live_routes shop.order_paid.hook iu_core.delivery_enabled true
            --reason "the shop goes live"
        iu gate set iu_core.delivery_enabled true --preview
    """
    words = [key, value, *(more or ())]
    pairs = list(zip(words[::2], words[1::2], strict=False))
    if len(words) % 2:
        raise UsageError(f"{words[-1]!r} has no value", hint="Give a value after each key.")
    if preview:
        if len(pairs) > 1:
            raise UsageError("--preview is about one gate", hint="Give one key and one value.")
        return _preview(gateway, key, value)
    if reason is None:
        raise UsageError("missing option --reason", hint="Add: --reason WHY")
    with gateway.transaction() as session:
        answers = [gates.set_gate(session, one, given, reason) for one, given in pairs]

    return Answer(answers if more else answers[0], lambda: _print_changes(answers))


def _print_changes(answers: Sequence[Mapping[str, Any]]) -> None:
    for answer in answers:
        print_line(f"{answer['key']}: {answer['old_value']!r} -> {answer['value']!r}")
        if note := answer.get("note"):
            print_line(f"note: {note}")
        if left_out := gates.left_out(answer["key"], answer["old_value"], answer["value"]):
            print_line(f"note: no longer listed: {', '.join(left_out)}; their deliveries are held")


def _preview(gateway: Gateway, key: str, value: str) -> Answer:
    deliveries.require_installed(gateway)
    found = deliveries.preview_gate(gateway, key, value)
    rows = [
        (
            one.target,
            one.route_code,
            one.held_reason or "goes",
            at_least(one.held, capped=one.held_capped),
            one.oldest_at,
            one.max_per_minute,
            None if one.drain_seconds is None else duration(one.drain_seconds),
        )
        for one in found
    ]

    def show_effects() -> None:
        names = ("target", "route", "then", "deliveries", "oldest", "per minute", "takes")
        print_table(f"If {key} were {value}", names, rows, empty="no delivery would go or be held")
        print_line("nothing was changed")

    return Answer(found, show_effects)

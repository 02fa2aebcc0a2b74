"""`iu plan`, `iu apply`, `iu export` and `iu schema`: the configuration as one file."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from iu_pipelines.cli.command import Answer, Invocation, add_command
from iu_pipelines.cli.output import print_json, print_line, print_verbatim, print_warning
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.delivery import kinds
from iu_pipelines.domain.outbox_file import model, reading, writing
from iu_pipelines.domain.outbox_file.problems import shown
from iu_pipelines.domain.plans import applying, planning, state
from iu_pipelines.domain.plans.difference import ADD, ATTACH, CHANGE, GENERATE, REMOVE, Change
from iu_pipelines.domain.plans.planning import Plan
from iu_pipelines.domain.quantities import counted
from iu_pipelines.errors import ArgumentInvalid, UsageError

DIFFERENT: Final = 3
"""The exit code of `iu plan` if there is a difference."""

_SIGNS: Final = {ADD: "+", CHANGE: "~", GENERATE: "~", ATTACH: "~", REMOVE: "-"}
_MAX_BYTES: Final = 1024 * 1024

File = Annotated[str, typer.Argument(metavar="FILE", help="The outbox file; - reads stdin.")]
Prune = Annotated[
    bool,
    typer.Option("--prune", help="Remove what the file does not name, except what iu migrate installed."),
]


def register(app: typer.Typer) -> None:
    """Add the commands about the outbox file."""
    add_command(app, plan)
    add_command(app, apply, writes=True)
    add_command(app, export)
    add_command(app, schema)


def plan(call: Invocation, file: File, prune: Prune = False) -> Answer:
    """Show the difference between a file and the database; exit 3 if there is one.

    Examples:
        iu plan shop.yaml
        iu plan shop.yaml --prune --json
    """
    source = read_source(file)
    with call.connect() as gateway:
        found = planning.make(gateway, source, prune=prune, check=_check_target)
    return Answer(found, lambda: _print_plan(found), exit_code=DIFFERENT if found.changes else 0)


def apply(
    call: Invocation,
    file: File,
    prune: Prune = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask. Needs --reason.")] = False,
    reason: Annotated[
        str | None,
        typer.Option("--reason", show_default=False, help="The reason, which is recorded with every change."),
    ] = None,
) -> Answer:
    """Show the difference between a file and the database, ask, and carry it out in one transaction.

    Examples:
        iu apply shop.yaml
        iu apply shop.yaml --yes --reason "orders are billed"
    """
    asks = not (yes and reason)
    if asks and (call.as_json or file == "-" or not sys.stdin.isatty()):
        if yes:
            raise UsageError("missing option --reason", hint='Add: --reason "WHY"')
        raise UsageError(
            "there is no terminal to ask at",
            hint='Add: --yes --reason "WHY". Show the changes before with: iu plan',
        )
    source = read_source(file)
    with call.connect() as gateway:
        shown_plan = planning.make(gateway, source, prune=prune, check=_check_target)
        if not shown_plan.changes:
            return Answer(_result((), shown_plan.owner_statements), lambda: _print_plan(shown_plan))
        if not call.as_json:
            _print_plan(shown_plan)
        given = _ask(shown_plan, yes=yes, reason=reason) if asks else reason
        if given is None:
            return Answer(None, lambda: print_line("nothing was changed"), failed=True)
        done = applying.apply(gateway, source, shown_plan, given)
    return Answer(_result(done.changes, done.owner_statements), lambda: _print_applied(done))


def _check_target(
    kind: str, address: str, options: Mapping[str, Any], secret_name: str | None, private: bool
) -> None:
    """Check a target as its kind does, if a sender for the kind is installed here."""
    try:
        found = kinds.load(kind)
    except (ArgumentInvalid, UsageError):
        return
    found.check(address, options, secret_name, private=private)


def _result(changes: Sequence[Change], owner_statements: Sequence[str]) -> dict[str, Any]:
    return {"changes": changes, "owner_statements": owner_statements}


def _ask(shown_plan: Plan, *, yes: bool, reason: str | None) -> str | None:
    """Ask for consent and for the reason, unless they are given. Return the reason, or None to stop."""
    print_line("")
    if not yes and not typer.confirm(f"Apply {counted(len(shown_plan.changes), 'change')}?"):
        return None
    return reason or str(typer.prompt("Reason"))


def export(gateway: Gateway) -> Answer:
    """Print the outbox file of what is in the database.

    Examples:
        iu export > shop.yaml
    """
    found = state.read(gateway)
    left_out = tuple(f"left out: {one.section} {shown(one.name)}: {one.reason}" for one in found.unfit)

    def show() -> None:
        sys.stdout.write(writing.write(found.file, left_out))
        for line in left_out:
            print_warning(line)

    without = () if found.delivers else ("targets",)
    sections = found.file.model_dump(mode="json", by_alias=True, exclude=set(without))
    return Answer({**sections, "left_out": found.unfit}, show)


def schema() -> Answer:
    """Print the JSON schema of the outbox file, for editors.

    Examples:
        iu schema > outbox.schema.json
    """
    found = model.json_schema()
    return Answer(found, lambda: print_json(found))


def read_source(name: str) -> reading.Source:
    """Read an outbox file; `-` is stdin.

    Raises:
        UsageError: it cannot be read.
        OutboxFileInvalid: it is not an outbox file.
    """
    if name == "-":
        return reading.read(sys.stdin.buffer.read(_MAX_BYTES + 1), "stdin")
    try:
        with Path(name).open("rb") as file:
            return reading.read(file.read(_MAX_BYTES + 1), name)
    except OSError as error:
        raise UsageError(
            f"cannot read the file {name!r}: {error.strerror}",
            hint="Name an outbox file; write one with: iu export",
        ) from None


def _print_plan(found: Plan) -> None:
    for change in found.changes:
        _print_change(change)
    for warning in found.warnings:
        print_line(f"! {warning}")
    _print_statements(found.owner_statements)
    print_line(_summary(found.changes) if found.changes else f"{found.file}: no difference")


def _print_change(change: Change) -> None:
    print_line(f"{_SIGNS[change.action]} {change.action} {change.noun.replace('_', ' ')} {change.name}")
    for one in change.fields:
        if change.action == CHANGE:
            print_line(f"      {one.field}: {_text(one.old)} -> {_text(one.new)}")
        elif change.action == ADD:
            print_line(f"      {one.field}: {_text(one.new)}")
    for sentence in change.means:
        print_line(f"    * {sentence}")


def _text(value: Any) -> str:
    """Return a value as a person reads it, on one line."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_text(item)}" for key, item in value.items()) or "none"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_text(item) for item in value)}]"
    return str(value)


def _print_statements(statements: Sequence[str]) -> None:
    if statements:
        print_line("Defined, not attached. The owner of the table runs:")
        for statement in statements:
            print_verbatim(f"    {statement};")


def _summary(changes: Sequence[Change]) -> str:
    counts = {action: sum(change.action == action for change in changes) for action in _SIGNS}
    words = {
        ADD: "to add",
        CHANGE: "to change",
        GENERATE: "to generate again",
        ATTACH: "to attach",
        REMOVE: "to remove",
    }
    return ", ".join(f"{count} {words[action]}" for action, count in counts.items() if count)


def _print_applied(done: applying.Applied) -> None:
    _print_statements(done.owner_statements)
    print_line(f"applied: {counted(len(done.changes), 'change')}")

"""`iu capture`: list, show, add, change and remove captures of tables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, Final

import typer
import yaml

from iu_pipelines.cli.command import Answer, add_command, add_group
from iu_pipelines.cli.configuration import print_changes
from iu_pipelines.cli.options import OptionalReason, Reason
from iu_pipelines.cli.output import print_facts, print_line, print_table, print_verbatim, print_warnings
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import configuration
from iu_pipelines.domain.outbox_file import reading, writing
from iu_pipelines.domain.outbox_file.model import OutboxFile
from iu_pipelines.domain.plans import applying, planning, state
from iu_pipelines.domain.plans.delivery import Ended
from iu_pipelines.domain.plans.state import CaptureRow
from iu_pipelines.errors import ArgumentInvalid, OutboxFileInvalid, UsageError

_NO_REASON: Final = "iu capture"
_PLACE: Final = re.compile(r"^options, line \d+, column \d+: ")

Code = Annotated[str, typer.Argument(metavar="CODE", help="A capture from iu capture list.")]
Mode = Annotated[str | None, typer.Option(metavar="MODE", show_default=False, help="off, dry_run or emit.")]
OnError = Annotated[
    str | None,
    typer.Option(
        metavar="WHAT", show_default=False, help="If an event is refused: refuse or skip_and_count."
    ),
]
Columns = Annotated[
    list[str] | None, typer.Option(metavar="COLUMN", show_default=False, help="May be repeated.")
]
Values = Annotated[
    list[str] | None, typer.Option(metavar="COLUMN=VALUE", show_default=False, help="May be repeated.")
]


def register(app: typer.Typer) -> None:
    """Add the commands about captures."""
    group = add_group(app, "capture", "Captures: events for changed rows of your tables.")
    add_command(group, list_all, "list")
    add_command(group, show)
    add_command(group, add, writes=True)
    add_command(group, change, "set", writes=True)
    add_command(group, remove, writes=True)


def list_all(gateway: Gateway) -> Answer:
    """Show every capture, its mode, and whether its triggers exist.

    Examples:
        iu capture list
    """
    found = state.list_captures(gateway)

    def print_all() -> None:
        print_table(
            "Captures",
            ("capture", "change", "event type", "mode", "triggers"),
            [
                (
                    row.route_code,
                    f"{row.source_op} of {row.source_table}",
                    row.target_event_type,
                    _mode(row),
                    row.attachment,
                )
                for row in found
            ],
            empty="none",
        )
        print_warnings([warning for row in found for warning in _warnings(row)])

    return Answer(found, print_all)


def show(gateway: Gateway, code: Code) -> Answer:
    """Show one capture: its definition, its triggers, and the newest changes of it.

    Examples:
        iu capture show shop.orders.paid
    """
    with gateway.transaction() as session:
        row = _require(state.list_captures(session), code)
        changes = configuration.history(session, configuration.CAPTURE, code, limit=10)

    def print_all() -> None:
        print_facts(
            {
                "capture": code,
                "change": f"{row.source_op} of {row.source_table}",
                "when": _condition(row),
                "event type": row.target_event_type,
                "subject": ", ".join(row.subject_columns or []),
                "address": row.address_template,
                "payload": ", ".join(f"{key}: {column}" for key, column in row.payload_map.items()),
                "mode": _mode(row),
                "if refused": row.on_error,
                "function": row.function_name,
                "triggers": row.attachment,
                "owner of the table": row.table_owner,
            }
        )
        _print_statements("The owner of the table attaches it with:", row.attach_statements)
        print_changes(changes)
        print_warnings(_warnings(row))

    return Answer({**vars(row), "history": changes}, print_all)


def add(
    gateway: Gateway,
    code: Annotated[str, typer.Argument(metavar="CODE", help="Lower-case letters, digits, dots and dashes.")],
    table: Annotated[str, typer.Option(metavar="SCHEMA.TABLE", help="The table; it needs a primary key.")],
    on: Annotated[str, typer.Option(metavar="CHANGE", help="insert, update or delete.")],
    event_type: Annotated[str, typer.Option(metavar="TYPE", help="A registered event type.")],
    subject: Annotated[list[str], typer.Option(metavar="COLUMN", help="The key of the subject.")],
    address: Annotated[str, typer.Option(metavar="ADDRESS", help="Columns in braces: orders/{id}.")],
    payload: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=COLUMN", show_default=False, help="Or COLUMN. May be repeated."),
    ] = None,
    becomes: Values = None,
    changes: Columns = None,
    equals: Values = None,
    is_null: Columns = None,
    is_not_null: Columns = None,
    subject_table: Annotated[
        str | None,
        typer.Option(metavar="SCHEMA.TABLE", show_default=False, help="If the subject is of another table."),
    ] = None,
    mode: Mode = None,
    on_error: OnError = None,
    reason: OptionalReason = None,
) -> Answer:
    """Add one capture, as a dry run unless --mode says otherwise, and attach it if the role may.

    Examples:
        iu capture add shop.orders.paid --table public.orders --on update --becomes status=paid
            --event-type order_paid --subject id --address orders/{id} --payload total_cents
    """
    if any(row.route_code == code for row in state.list_captures(gateway)):
        raise ArgumentInvalid(
            f"capture {code!r} already exists", hint=f"Change it with: iu capture set {code}"
        )
    conditions = {
        "becomes": _pairs(becomes),
        "changes": changes or [],
        "equals": _pairs(equals),
        "is_null": {**dict.fromkeys(is_null or [], True), **dict.fromkeys(is_not_null or [], False)},
    }
    when = {name: value for name, value in conditions.items() if value}
    entry = {
        "table": table,
        "on": on,
        "event_type": event_type,
        "subject": subject,
        "address": address,
        "payload": _pairs(payload, alone=True),
        **({"when": when} if when else {}),
        **_given(subject_table=subject_table, mode=mode, on_error=on_error),
    }
    return _applied(gateway, yaml.safe_dump({"captures": {code: entry}}), code, reason)


def change(
    gateway: Gateway, code: Code, mode: Mode = None, on_error: OnError = None, reason: OptionalReason = None
) -> Answer:
    """Change the mode of a capture, and what happens if an event is refused.

    Examples:
        iu capture set shop.orders.paid --mode emit --reason "the dry run was right"
    """
    given = _given(mode=mode, on_error=on_error)
    if not given:
        raise UsageError("nothing to change was given", hint="Give --mode or --on-error.")
    found = state.read(gateway)
    _require(list(found.captures.values()), code)
    present: dict[str, Any] = yaml.safe_load(
        writing.write(OutboxFile(captures={code: found.file.captures[code]}))
    )
    present["captures"][code] |= given
    # YAML 1.1 reads the key `on` as true.
    present["captures"][code] = {
        "on" if key is True else key: value for key, value in present["captures"][code].items()
    }
    return _applied(gateway, yaml.safe_dump(present), code, reason)


def remove(gateway: Gateway, code: Code, reason: Reason) -> Answer:
    """Remove a capture; its triggers are dropped first if the role may. What it recorded stays.

    Examples:
        iu capture remove shop.orders.paid --reason "the shop emits itself"
    """
    row = _require(state.list_captures(gateway), code)
    ended = Ended(gateway)
    applying.remove_capture(gateway, code, reason)
    warnings = ended.warnings()

    def print_all() -> None:
        print_line(f"{row.route_code}: removed")
        print_warnings(warnings)

    return Answer({"removed": code, "warnings": warnings}, print_all)


def _applied(gateway: Gateway, text: str, code: str, reason: str | None) -> Answer:
    """Apply a file with one capture, as `iu apply` does."""
    ended = Ended(gateway)
    with _without_places():
        source = reading.read(text.encode(), "options")
        done = applying.apply(gateway, source, planning.make(gateway, source), reason or _NO_REASON)
    row = _require(state.list_captures(gateway), code)
    warnings = ended.warnings()

    def print_all() -> None:
        print_line(f"{code}: {_mode(row)}, {row.attachment}")
        _print_statements("Defined, not attached. The owner of the table runs:", done.owner_statements)
        print_warnings(warnings)

    return Answer({**vars(row), "warnings": warnings}, print_all)


@contextmanager
def _without_places() -> Iterator[None]:
    """Remove the place from an error: the options are no file."""
    try:
        yield
    except OutboxFileInvalid as error:
        raise ArgumentInvalid(_PLACE.sub("", error.message), hint=error.hint) from None


def _require(found: Sequence[CaptureRow], code: str) -> CaptureRow:
    for row in found:
        if row.route_code == code:
            return row
    known = ", ".join(row.route_code for row in found) or "none"
    raise ArgumentInvalid(f"no such capture: {code!r}", hint=f"Captures: {known}.")


def _mode(row: CaptureRow) -> str:
    return state.mode_of(row.enabled, row.dry_run)


def _warnings(row: CaptureRow) -> list[str]:
    """Return how the trigger function of a capture differs from its definition and its table."""
    if row.missing_columns:
        names = ", ".join(row.missing_columns)
        fails = "it is off" if not row.enabled else "changes that fire it fail"
        return [
            f"capture {row.route_code} reads columns that {row.source_table} does not have: {names}; {fails} "
            "(docs/how-to/capture-a-table.md#rename-or-drop-a-column)"
        ]
    if row.misfit:
        said = f"the trigger function of capture {row.route_code} is not that of its definition"
        return [f"{said}: {row.misfit}; iu apply FILE generates it again"]
    return []


def _condition(row: CaptureRow) -> str:
    """Return the condition as an outbox file has it, on one line."""
    if not row.condition:
        return "always"
    written: str = yaml.safe_dump(
        row.condition, default_flow_style=True, sort_keys=False, allow_unicode=True, width=1_000_000
    )
    return written.strip()[1:-1]


def _given(**options: str | None) -> dict[str, str]:
    return {name: value for name, value in options.items() if value is not None}


def _pairs(given: Sequence[str] | None, *, alone: bool = False) -> Mapping[str, str]:
    """Return NAME=VALUE options as a mapping. `alone`: NAME means NAME=NAME."""
    found = {}
    for text in given or []:
        name, equals_sign, value = text.partition("=")
        if not equals_sign and not alone:
            raise UsageError(f"{text!r} has no =", hint="Give COLUMN=VALUE, for example status=paid.")
        found[name] = value if equals_sign else name
    return found


def _print_statements(title: str, statements: Sequence[str]) -> None:
    if statements:
        print_line(title)
        for statement in statements:
            print_verbatim(f"    {statement};")
